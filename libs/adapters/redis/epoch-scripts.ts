/**
 * Lua of the run epoch and of a rebuild. As for the directory, all keys in their order; the first argument is the epoch
 * the caller knew or nothing. Of a rebuild the second one names the rebuilder, and the third is how long (ms) it may
 * keep silent.
 */
import { luaKey as key } from './redis-key-layout.js';
import { FETCH_DOCUMENTS, WRITE_STEP } from './redis-key-scripts.js';

/** Among the former epochs: what is stored is not whole. */
const UNFINISHED = 'unfinished';

/**
 * The stored epoch, whether it follows upon the one that the caller knew, and whether the newest change that the caller
 * knew of (number and token) stands.
 */
const PEEK = `
local stands = 1
if ARGV[2] ~= '' then
  local id = ARGV[2] .. '-0'
  local known = redis.call('XRANGE', ${key('changes')}, id, id)[1]
  stands = known and known[2][6] == ARGV[3] and 1 or 0
end
return {redis.call('GET', ${key('epoch')}) or '', redis.call('SISMEMBER', ${key('former-epochs')}, ARGV[1]), stands}
`;

/** The stored epoch, or this one from now on, unless a rebuild has begun. */
const BEGIN = `
if redis.call('SISMEMBER', ${key('former-epochs')}, '${UNFINISHED}') == 0 then
  redis.call('SET', ${key('epoch')}, ARGV[2], 'NX')
end
return redis.call('GET', ${key('epoch')}) or ''
`;

/**
 * Empties the directory for one that rebuilds it; from here on nobody is answered. False: another is at it. 'FOLLOWED':
 * what is stored follows upon the epoch that the caller knew, another one was faster. The fourth argument names the
 * caller's installation.
 */
const REBUILD = `
local held = redis.call('GET', ${key('epoch')})
if held then
  if ARGV[1] == '' or redis.call('SISMEMBER', ${key('former-epochs')}, ARGV[1]) == 1 then return {ok = 'FOLLOWED'} end
  if string.sub(held, 1, #ARGV[4] + 1) ~= ARGV[4] .. '.' then return {ok = 'FOREIGN'} end
end
if not redis.call('SET', ${key('rebuild')}, ARGV[2], 'NX', 'PX', ARGV[3]) then return false end
local stored = redis.call('GET', ${key('epoch')})
if stored then redis.call('SADD', ${key('former-epochs')}, stored) end
if ARGV[1] ~= '' then redis.call('SADD', ${key('former-epochs')}, ARGV[1]) end
redis.call('SADD', ${key('former-epochs')}, '${UNFINISHED}')
local nodes = redis.call('HVALS', ${key('nodes')})
for i = 1, #KEYS do
  if KEYS[i] ~= ${key('rebuild')} and KEYS[i] ~= ${key('former-epochs')} then redis.call('UNLINK', KEYS[i]) end
end
return nodes
`;

const REBUILDING = `
if redis.call('GET', ${key('rebuild')}) ~= ARGV[2] then return {ok = 'REBUILDLOST'} end
redis.call('PEXPIRE', ${key('rebuild')}, ARGV[3])
`;

const REBUILD_FETCH = `${REBUILDING}${FETCH_DOCUMENTS}`;

const REBUILD_WRITE = `${REBUILDING}${WRITE_STEP}
for i = 4, #ARGV, 4 do
  write(ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3])
end
return 1
`;

/**
 * Begins the epoch whose name begins with the fourth argument, and answers the name. What of windows and credits is taken
 * for lost follows from its time, which is the server's: by the clock of a rebuilder that is a day ahead every window of a
 * day would count as full, by one that is behind none would.
 */
const REBUILT = `${REBUILDING}
local time = redis.call('TIME')
local epoch = ARGV[4] .. string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('SET', ${key('epoch')}, epoch)
redis.call('SREM', ${key('former-epochs')}, '${UNFINISHED}')
redis.call('DEL', ${key('rebuild')})
return {ok = epoch}
`;

const ABANDON = `${REBUILDING}
return redis.call('DEL', ${key('rebuild')})
`;

/** Scripts that ask before there is an epoch to believe in. */
export const EPOCH_SCRIPTS = { PEEK, BEGIN, REBUILD, REBUILD_FETCH, REBUILD_WRITE, REBUILT, ABANDON };
export type EpochScriptName = keyof typeof EPOCH_SCRIPTS;
