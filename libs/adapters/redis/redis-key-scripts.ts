/**
 * The directory's Lua. Every script gets all keys of redis-key-layout.ts in their order and the epoch it expects as its
 * first argument: a store that was emptied or exchanged answers nobody, in the same atomic step.
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
-- Whether the change of this number and token was made; one that was cut off is believed.
local function stands(number, token)
  local newest = tonumber(redis.call('GET', ${key('sequence')}) or '0')
  if number > newest then return false end
  local known = entryAt(number)
  return not known or token == '' or known[2][6] == token
end
`;

/**
 * Steps of four arguments: verb, part, field, value. All of \`is\` and \`no\` hold, or nothing is written. Answers 1 or 0,
 * the number of its last change or of the newest one, and the nodes with what they have confirmed.
 */
const COMMIT = `${GUARD}
local function newest() return redis.call('GET', ${key('sequence')}) or '0' end
for i = 2, #ARGV, 4 do
  local verb, part, field, value = ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3]
  if verb == 'is' and redis.call('HGET', part, field) ~= value
    or verb == 'no' and redis.call('HEXISTS', part, field) == 1 then
    return {0, newest(), redis.call('HGETALL', ${key('nodes')})}
  end
end
local said = false
for i = 2, #ARGV, 4 do
  local verb, part, field, value = ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2], ARGV[i + 3]
  if verb == 'set' then redis.call('HSET', part, field, value)
  elseif verb == 'del' then redis.call('HDEL', part, field)
  elseif verb == 'add' then redis.call('ZADD', part, 0, field)
  elseif verb == 'rem' then redis.call('ZREM', part, field)
  elseif verb == 'say' then
    said = whole(redis.call('INCR', ${key('sequence')}))
    redis.call('XADD', ${key('changes')}, 'MAXLEN', '~', ${KEPT_CHANGES}, said .. '-0', 'part', ARGV[i + 1], 'field', field, 'token', value)
  end
end
if said then redis.call('PUBLISH', ${key('changes')}, said) end
return {1, said or newest(), redis.call('HGETALL', ${key('nodes')})}
`;

/**
 * A node says up to where it has applied the changes, with the token of the last of them, and gets the next ones with
 * the documents they speak of; a node without a position begins behind the newest. Its lease counts from here.
 * Answers the newest number, its token, and [number, token, part, field, document or nothing].
 */
const FOLLOW = `${GUARD}
local node, position, token, lease, limit = ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local newest = tonumber(redis.call('GET', ${key('sequence')}) or '0')
if position ~= '' and not stands(tonumber(position), token) then return {ok = 'HISTORYLOST'} end
local at = position == '' and newest or tonumber(position)
redis.call('HSET', ${key('nodes')}, node, whole(at) .. ' ' .. whole(redis.call('INCR', ${key('beats')})) .. ' ' .. lease)
local changes = {}
for _, entry in ipairs(redis.call('XRANGE', ${key('changes')}, whole(at + 1) .. '-0', '+', 'COUNT', limit)) do
  local part, field = tonumber(entry[2][2]), entry[2][4]
  local document = part ~= ${partIndex('hashes')} and redis.call('HGET', KEYS[part], field) or ''
  table.insert(changes, {string.match(entry[1], '^%d+'), entry[2][6], part, field, document})
end
local last = entryAt(newest)
return {whole(newest), last and last[2][6] or '', changes}
`;

/** The nodes, for the writer of a change, as long as that change stands. */
const NODES = `${GUARD}
if not stands(tonumber(ARGV[2]), ARGV[3]) then return {ok = 'HISTORYLOST'} end
return redis.call('HGETALL', ${key('nodes')})
`;

/** Forgets a node, unless it has said something since. */
const FORGET = `${GUARD}
if ARGV[3] ~= '' and redis.call('HGET', ${key('nodes')}, ARGV[2]) ~= ARGV[3] then return 0 end
return redis.call('HDEL', ${key('nodes')}, ARGV[2])
`;

/** Pairs of part and field to the documents. */
const FETCH = `${GUARD}
local found = {}
for i = 2, #ARGV, 2 do
  table.insert(found, redis.call('HGET', KEYS[tonumber(ARGV[i])], ARGV[i + 1]) or '')
end
return found
`;

/** Hash to the key and its identity. */
const VIEW = `${GUARD}
local ids = redis.call('HGET', ${key('hashes')}, ARGV[2])
if not ids then return {} end
local id, identity = string.match(ids, '^(%S+) (%S*)$')
return {redis.call('HGET', ${key('keys')}, id) or '', redis.call('HGET', ${key('identities')}, identity) or ''}
`;

/** Members of a list between two texts. */
const RANGE = `${GUARD}
local part, from, to, limit = KEYS[tonumber(ARGV[2])], ARGV[3], ARGV[4], ARGV[5]
if ARGV[6] == 'down' then return redis.call('ZREVRANGEBYLEX', part, from, to, 'LIMIT', 0, limit) end
return redis.call('ZRANGEBYLEX', part, from, to, 'LIMIT', 0, limit)
`;

const VALUES = `${GUARD}
return redis.call('HVALS', KEYS[tonumber(ARGV[2])])
`;

export const SCRIPTS = { COMMIT, FOLLOW, NODES, FORGET, FETCH, VIEW, RANGE, VALUES };
export type ScriptName = keyof typeof SCRIPTS;
