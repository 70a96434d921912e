import { prepare } from './prepare.mjs';
import { ensureKafka } from './servers/kafka.mjs';
import { ensureRedis } from './servers/redis.mjs';

prepare();
ensureRedis();
ensureKafka();
await import(new URL('../dist/test/faults/main.js', import.meta.url));
