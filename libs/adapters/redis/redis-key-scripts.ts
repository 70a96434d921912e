/**
 * The directory's Lua. Every script gets all keys of redis-key-layout.ts in their order. Its first arguments are the
 * epoch the node believes in and the newest change it knows of, number and token: a store that was emptied, exchanged
 * or put back to an older copy answers nobody, in the same atomic step.
 */
import { luaKey as key, partIndex } from './redis-key-layout.js';

/** Changes kept for nodes that lag behind; one that lags further reads everything anew. */
const KEPT_CHANGES = 10_000;

const GUARD = `
if redis.call('GET', ${key('epoch')}) ~= ARGV[1] then
  return {ok = 'EPOCHLOST ' .. (redis.call('GET', ${key('epoch')}) or '')}
end
local function whole(number) return string.format('%.0f', number) end
local function entryAt(number)
  return redis.call('XRANGE', ${key('changes')}, whole(number) .. '-0', whole(number) .. '-0')[1]
end
local newest = tonumber(redis.call('GET', ${key('sequence')}) or '0')
if ARGV[2] ~= '' then
  local known = entryAt(tonumber(ARGV[2])) -- one that was cut off since is believed
  if tonumber(ARGV[2]) > newest or known and known[2][6] ~= ARGV[3] then return {ok = 'HISTORYLOST'} end
end
`;

/** One step that writes; verbs that do not are passed over. */
export const WRITE_STEP = `
local function write(verb, part, field, value)
  if verb == 'set' then redis.call('HSET', part, field, value)
  elseif verb == 'del' then redis.call('HDEL', part, field)
  elseif verb == 'add' then redis.call('ZADD', part, 0, field)
  elseif verb == 'rem' then redis.call('ZREM', part, field)
  end
end
`;

/** Pairs of part and field, from the fourth argument on, to the documents. */
export const FETCH_DOCUMENTS = `
local found = {}
for i = 4, #ARGV, 2 do
  table.insert(found, redis.call('HGET', KEYS[tonumber(ARGV[i])], ARGV[i + 1]) or '')
end
return found
`;

/**
 * Steps of four arguments: verb, part, field, value. All of `is`, `no` and `room` hold, or nothing is written. Answers 1 or 0,
 * the number of its last change or of the newest one, and the nodes with what they have confirmed.
 */
const COMMIT = `${GUARD}${WRITE_STEP}
for i = 4, #ARGV, 4 do
  local verb, part, field, value = ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3]
  if verb == 'is' and redis.call('HGET', part, field) ~= value
    or verb == 'no' and redis.call('HEXISTS', part, field) == 1
    or verb == 'room' and redis.call('HLEN', part) >= tonumber(field) then
    return {0, whole(newest), redis.call('HGETALL', ${key('nodes')})}
  end
end
local said = false
for i = 4, #ARGV, 4 do
  local verb, part, field, value = ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3]
  if verb == 'say' then
    said = whole(redis.call('INCR', ${key('sequence')}))
    redis.call('XADD', ${key('changes')}, 'MAXLEN', '~', ${KEPT_CHANGES}, said .. '-0', 'part', ARGV[i + 1], 'field', field, 'token', value)
  else
    write(verb, part, field, value)
  end
end
if said then redis.call('PUBLISH', ${key('changes')}, said) end
return {1, said or whole(newest), redis.call('HGETALL', ${key('nodes')})}
`;

/**
 * A node says up to where it has applied the changes and gets the next ones with
 * the documents they speak of; a node without a position begins behind the newest. Its lease counts from here.
 * Answers the newest number, its token, and [number, part, field, document or nothing].
 */
const FOLLOW = `${GUARD}
local node, position, lease, limit = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local at = position == '' and newest or tonumber(position)
redis.call('HDEL', ${key('nodes')}, node) -- first: then a full Redis allows the rest, which takes no more memory
redis.call('HSET', ${key('nodes')}, node, whole(at) .. ' ' .. whole(redis.call('INCR', ${key('beats')})) .. ' ' .. lease)
local changes = {}
for _, entry in ipairs(redis.call('XRANGE', ${key('changes')}, whole(at + 1) .. '-0', '+', 'COUNT', limit)) do
  local part, field = tonumber(entry[2][2]), entry[2][4]
  local document = part ~= ${partIndex('hashes')} and redis.call('HGET', KEYS[part], field) or ''
  table.insert(changes, {string.match(entry[1], '^%d+'), part, field, document})
end
local last = entryAt(newest)
return {whole(newest), last and last[2][6] or '', changes}
`;

const NODES = `${GUARD}
return redis.call('HGETALL', ${key('nodes')})
`;

/** Forgets a node, unless it has said something since. */
const FORGET = `${GUARD}
if ARGV[5] ~= '' and redis.call('HGET', ${key('nodes')}, ARGV[4]) ~= ARGV[5] then return 0 end
return redis.call('HDEL', ${key('nodes')}, ARGV[4])
`;

const FETCH = `${GUARD}${FETCH_DOCUMENTS}`;

/** Hash to the key and its identity. */
const VIEW = `${GUARD}
local ids = redis.call('HGET', ${key('hashes')}, ARGV[4])
if not ids then return {} end
local id, identity = string.match(ids, '^(%S+) (%S*)$')
return {redis.call('HGET', ${key('keys')}, id) or '', redis.call('HGET', ${key('identities')}, identity) or ''}
`;

/** Members of a list between two texts. */
const RANGE = `${GUARD}
local part, from, to, limit = KEYS[tonumber(ARGV[4])], ARGV[5], ARGV[6], ARGV[7]
if ARGV[8] == 'down' then return redis.call('ZREVRANGEBYLEX', part, from, to, 'LIMIT', 0, limit) end
return redis.call('ZRANGEBYLEX', part, from, to, 'LIMIT', 0, limit)
`;

const VALUES = `${GUARD}
return redis.call('HVALS', KEYS[tonumber(ARGV[4])])
`;

/** Nobody believes this epoch any more: a shard of the same store has lost what it held. */
const DISCARD = `${GUARD}
redis.call('SADD', ${key('former-epochs')}, ARGV[1])
return redis.call('DEL', ${key('epoch')})
`;

/** Some ids of a part, and the cursor to go on with; 0 at the end. What is there all the time is met at least once. */
const SCAN = `${GUARD}
local found = redis.call('HSCAN', KEYS[tonumber(ARGV[4])], ARGV[5], 'COUNT', ARGV[6])
local ids = {}
for i = 1, #found[2], 2 do table.insert(ids, found[2][i]) end
return {found[1], ids}
`;

export const SCRIPTS = { COMMIT, FOLLOW, NODES, FORGET, FETCH, VIEW, RANGE, VALUES, SCAN, DISCARD };
export type ScriptName = keyof typeof SCRIPTS;
