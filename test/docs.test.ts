/** What the documents point at exists, and the list of error codes is the list of error codes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

function filesUnder(folder: string, suffix: string): string[] {
  const found = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return found.filter((it) => it.isFile() && it.name.endsWith(suffix)).map((it) => join(it.parentPath, it.name));
}

const pages = [
  ...readdirSync(ROOT)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, name)),
  ...filesUnder('docs', '.md'),
];

test('every link of every page leads to a file', () => {
  const broken = pages.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(dirname(page), target)))
      .map((target) => `${relative(ROOT, page)}: ${target}`),
  );
  expect(broken).toEqual([]);
});

/** Built by templates: `keymeter/<code of a retryable error>`, `keymeter/<reason>`, `authentication/<reason>`. */
const COMPOSED = [
  'keymeter/log_full',
  'keymeter/disk_full',
  'keymeter/log_unavailable',
  'keymeter/store_unavailable',
  'keymeter/overloaded',
  'keymeter/key/not_found',
  'keymeter/key/expired',
  'keymeter/key/rate_limited',
  'keymeter/key/usage_exceeded',
  'authentication/missing',
  'authentication/key_not_found',
];
const CODE =
  /['"`]((?:application|authentication|authorization|data|user|policy|enforcement|webhook|keymeter)(?:\/[a-z_]+)+)['"`]/g;
/** Media types and event sources that look like codes. */
const OTHERS = new Set([
  'application/json',
  'application/xml',
  'application/yaml',
  'keymeter/policy',
  'keymeter/ingress',
  'keymeter/archive',
  'keymeter/log',
]);

test('docs/errors.md lists every code that the sources answer with, and no other', () => {
  const sources = [...filesUnder('apps', '.ts'), ...filesUnder('libs', '.ts')].filter(
    (path) => !/\.(test|contract|fixture)\.ts$/.test(path),
  );
  const used = new Set(COMPOSED);
  for (const path of sources) {
    for (const [, code = ''] of readFileSync(path, 'utf8').matchAll(CODE)) if (!OTHERS.has(code)) used.add(code);
  }
  const listed = [...readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').matchAll(/^\| `([a-z_/]+)` \|/gm)];
  expect(listed.map(([, code]) => code).sort()).toEqual([...used].sort());
});

test('docs/errors.md tells what to do for every code that ends a start', () => {
  const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
  const codes = [...readFileSync(join(ROOT, 'libs/domain/errors.ts'), 'utf8').matchAll(/^ {2}'([A-Z_]+)',$/gm)];
  expect(codes.length).toBeGreaterThan(10);
  for (const [, code = ''] of codes) {
    expect(text).toMatch(new RegExp(`\`${code}\`|\`keymeter/${code.toLowerCase()}\``));
  }
});

test('the operations guide explains every event that a log line can name', () => {
  const guide = readFileSync(join(ROOT, 'docs/guides/operations.md'), 'utf8');
  const named = [...filesUnder('apps', '.ts'), ...filesUnder('libs', '.ts')]
    .filter((path) => !path.endsWith('.test.ts'))
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/(?:\bevent: |\.(?:warned|told)\()'([^']+)'/g)])
    .map(([, event = '']) => event);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((event) => !guide.includes(`| \`${event}\` |`))).toEqual([]);
});

/** Rows `| role | CPU s per million | cores | machines |` of docs/guides/scale-out.md, whose `u` and `k` stand above them. */
test('the arithmetic of the sizing guide is right', () => {
  const text = readFileSync(join(ROOT, 'docs/guides/scale-out.md'), 'utf8');
  const given = (name: string) => Number(new RegExp(`\\\`${name}\\\` = ([\\d.]+)`).exec(text)?.[1]);
  const [u, k, price] = [given('u'), given('k'), given('p')];
  const tables = text.split(/^### /m).filter((section) => /\| cores \| machines \|/.test(section));
  expect(tables.length).toBeGreaterThan(1);
  for (const table of tables) {
    const rows = [...table.matchAll(/^\| ([^|]+) \| ([\d.]+) \| (\d+) \| (\d+) \|$/gm)];
    expect(rows.length).toBeGreaterThan(3);
    let sum = 0;
    for (const [, role, cpu, cores, machines] of rows) {
      const expected = Math.ceil(Number(cpu) / u - 1e-9);
      expect({ role, cores: Number(cores) }).toEqual({ role, cores: expected });
      expect({ role, machines: Number(machines) }).toEqual({ role, machines: Math.ceil(expected / k) + 1 });
      sum += Number(machines);
    }
    const [, total, cost] = /(\d+) machines, ([\d,]+) USD a month/.exec(table) ?? [];
    expect(Number(total)).toBe(sum);
    expect(Number(cost?.replaceAll(',', ''))).toBe(Math.round(sum * k * price * 730));
  }
});
