/** The Dockerfile as BuildKit reads it: all that it copies and runs is there, and the image fits what starts it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '#runtime/config/read-settings.js';
import { demandManifest, describeWithManifests, ROOT } from './manifests.js';

interface Stage {
  readonly name: string;
  readonly base: string;
  // biome-ignore lint/suspicious/noExplicitAny: each instruction has arguments of its own kind
  readonly instructions: readonly { readonly name: string; readonly args: any }[];
}

const openApi = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8'));
const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n').filter(Boolean);

describeWithManifests()('the Dockerfile', () => {
  let stages: readonly Stage[];
  let warnings: readonly string[];
  let build: Stage;
  let image: Stage;
  beforeAll(() => {
    ({ stages, warnings } = demandManifest<{ stages: Stage[]; warnings: string[] }>({
      read: 'dockerfile',
      path: join(ROOT, 'Dockerfile'),
    }));
    [build, image] = stages as [Stage, Stage];
  });
  const of = (stage: Stage, name: string) =>
    stage.instructions.filter((it) => it.name === name).map(({ args }) => args);

  test("passes BuildKit's linter and has one stage that builds and one that runs, of one Node that keymeter takes", () => {
    expect(warnings).toEqual([]);
    expect(stages.map(({ name }) => name)).toEqual(['build', '']);
    expect(image.base).toBe(build.base);
    const [, major, minor] = /^node:(\d+)\.(\d+)\.\d+-bookworm-slim$/.exec(build.base) ?? [];
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const [, leastMajor, leastMinor] = />=(\d+)\.(\d+)/.exec(engines.node) ?? [];
    expect(major).toBe(leastMajor);
    expect(Number(minor)).toBeGreaterThanOrEqual(Number(leastMinor));
  });

  test('every source that it copies is there and is not ignored', () => {
    const sources = of(build, 'COPY').flatMap(({ sources }) => sources as string[]);
    expect(sources.filter((source) => !existsSync(join(ROOT, source)))).toEqual([]);
    expect(sources.filter((source) => ignored.includes(source))).toEqual([]);
    expect(ignored).toEqual(expect.arrayContaining(['.git', 'node_modules', 'dist', '.keymeter*']));
    for (const { from, sources: built } of of(image, 'COPY')) {
      expect(from).toBe('build');
      for (const path of built) expect(path).toMatch(/^\/build\/(package\.json|node_modules|dist)$/);
    }
  });

  test('the scripts of npm that it runs are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const used = [
      ...of(build, 'RUN')
        .join(' ')
        .matchAll(/npm run (\S+)/g),
    ].map(([, name = '']) => name);
    expect(used).toEqual(['build']);
    for (const name of used) expect(scripts).toHaveProperty(name);
  });

  test('a process in it has no rights and writes to the folder of data alone', () => {
    expect(of(image, 'USER')).toEqual(['1000:1000']);
    const variables = Object.assign({}, ...of(image, 'ENV'));
    const { KEYMETER_DATA_DIR } = readSettings(variables);
    expect(of(image, 'VOLUME')).toEqual([[KEYMETER_DATA_DIR]]);
    expect(of(image, 'RUN').join(' ')).toContain(`--owner=1000 --group=1000 ${KEYMETER_DATA_DIR}`);
    expect(of(image, 'COPY').map(({ chown }) => chown)).toEqual(['', '', '']);
  });

  test('its health is asked of a route that exists, on the port that is exposed and listened on', () => {
    const variables = Object.assign({}, ...of(image, 'ENV'));
    const { KEYMETER_PORT, KEYMETER_HOST } = readSettings(variables);
    expect([KEYMETER_HOST, ...of(image, 'EXPOSE').flat()]).toEqual(['0.0.0.0', String(KEYMETER_PORT)]);
    const [{ Test: words }] = of(image, 'HEALTHCHECK');
    expect(words.slice(0, 3)).toEqual(['CMD', 'node', '-e']);
    const [, route = ''] = /KEYMETER_PORT\+'([^']+)'/.exec(words[3]) ?? [];
    expect(openApi.paths[route]?.get).toBeDefined();
  });

  test('node is the first process, and its program is one that the build makes', () => {
    const [{ shell, words }] = of(image, 'ENTRYPOINT');
    expect([shell, words]).toEqual([false, ['node', '--single-threaded-gc']]);
    const [{ words: program }] = of(image, 'CMD');
    expect(program).toEqual(['dist/run/standalone.js']);
    expect(existsSync(join(ROOT, program[0]))).toBe(true);
  });
});
