/**
 * `npm start` sets what must stand before the process begins (package.json):
 * UV_THREADPOOL_SIZE=12: a thread for each slow statement of the usage store and some to spare, so that the log's
 * writes never queue behind them. MALLOC_ARENA_MAX=2: with an arena per thread, glibc keeps some 200 MB more.
 * --single-threaded-gc: V8's four helper threads per heap spin while they share a few milliseconds of work, a fifth of
 * all processor time on one core. --max-semi-space-size=32 (MiB): what a request leaves behind dies before it is moved.
 */
import { prepare, root } from './prepare.mjs';

prepare();
await import(new URL('dist/run/standalone.js', `file://${root}/`));
