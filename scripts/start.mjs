/**
 * `npm start` sets two variables that must stand before the process begins (package.json):
 * UV_THREADPOOL_SIZE=12: a thread for each slow statement of the usage store and some to spare, so that the log's
 * writes never queue behind them. MALLOC_ARENA_MAX=2: with an arena per thread, glibc keeps some 200 MB more.
 */
import { prepare, root } from './prepare.mjs';

prepare();
await import(new URL('dist/apps/standalone/src/main.js', `file://${root}/`));
