/**
 * Each app and each thread of an app as one file, `dist/run/NAME.js`: to open 2,400 modules one by one takes two seconds of
 * processor time at every start, one file a quarter of that. What it is made of is in `dist` as well, and runs alike.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Threads lie beside the apps: they are started by a path relative to the file that starts them. */
const PROGRAMS = {
  standalone: 'apps/standalone/src/main',
  ingress: 'apps/ingress/src/main',
  consumer: 'apps/consumer/src/main',
  query: 'apps/query/src/main',
  policy: 'apps/policy/src/main',
  cli: 'apps/cli/src/main',
  'pipeline-thread': 'apps/standalone/src/pipeline-thread',
  'ingest-thread': 'apps/standalone/src/ingest-thread',
  'backtest-thread': 'apps/policy/src/backtest/backtest-thread',
  /** Of the tests, which an image is built without. */
  'stepping-consumer': 'test/steps/stepping-consumer',
};
const entries = Object.entries(PROGRAMS)
  .map(([name, path]) => [name, join('dist', `${path}.js`)])
  .filter(([, file]) => existsSync(join(root, file)));

/** They have native parts, or files of theirs are read by name (`kafka-protocol.ts`). */
const STAY_OUTSIDE = ['chdb', 'lmdb', 'kafkajs'];

/** Packages that Nest and others use where they are installed are looked for when the program runs, as without a bundle. */
const optionalPackages = {
  name: 'optional packages',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./#]/ }, async ({ path, resolveDir, kind, importer, pluginData }) => {
      if (pluginData === optionalPackages) return undefined;
      const found = await resolve(path, { resolveDir, kind, importer, pluginData: optionalPackages });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/** What packages that are no modules expect; other names are the packages' own. */
const COMMONJS = `import * as bundleModule from 'node:module';
import * as bundleUrl from 'node:url';
const require = bundleModule.createRequire(import.meta.url);
const __filename = bundleUrl.fileURLToPath(import.meta.url);
const __dirname = bundleUrl.fileURLToPath(new URL('.', import.meta.url));`;

await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(entries),
  outdir: 'dist/run',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: STAY_OUTSIDE,
  plugins: [optionalPackages],
  banner: { js: COMMONJS },
  logLevel: 'warning',
});
