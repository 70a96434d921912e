import { prepare, root } from './prepare.mjs';

prepare();
// One thread for each slow statement of the usage store and some to spare, so that the log's writes never queue
// behind them; read by libuv when its pool is first used.
process.env.UV_THREADPOOL_SIZE ??= '12';
await import(new URL('dist/apps/standalone/src/main.js', `file://${root}/`));
