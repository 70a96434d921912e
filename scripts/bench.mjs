import { prepare, root } from './prepare.mjs';

prepare();
await import(new URL('dist/bench/bench.js', `file://${root}/`));
