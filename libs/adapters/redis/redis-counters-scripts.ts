/**
 * The scripts of the counters. Their arithmetic is that of libs/domain/keys (credits.ts, rate-limit-window.ts); what
 * needs a calendar is worked out before. Numbers are doubles here as there, and are written so that none loses a bit.
 *
 * Every script that changes something has a marker, KEYS[1], with what it answered: a repeat under the same marker
 * changes nothing and answers the same. On one server every change also has a number, which the server counts: after a
 * restart all changes up to the counted one are there and all later ones are not, as its log is a prefix of them.
 * KEYS: marker, one per window, account if any; count of changes, but in a cluster; epoch, or its mark, if any.
 */
import { LuaScript } from './lua-script.js';

const PRELUDE = `
local function num(n)
  if n % 1 == 0 and n > -1e15 and n < 1e15 then return string.format('%d', n) end -- a third of the time
  return string.format('%.17g', n)
end
local function clamp(n, low, high) return math.max(low, math.min(high, n)) end

-- A window is kept beyond its end, by whichever clock is later: a node whose clock is behind must still find it.
local time
local function saveWindow(key, start, duration, used, now)
  time = time or redis.call('TIME')
  local left = start + duration - math.min(now, time[1] * 1000)
  local ttl = clamp(left, 0, duration + 86400000) + clamp(duration, 10000, 60000)
  redis.call('SET', key, num(start) .. ' ' .. num(used), 'PX', string.format('%.0f', ttl))
end

local function readWindow(key)
  local stored = redis.call('GET', key)
  if not stored then return nil end
  local start, used = string.match(stored, '(%S+) (%S+)')
  return tonumber(start), tonumber(used)
end

-- [remaining, refilledAt, refilledTo, beforeRefill], as CreditBalance.
local function readBalance(key)
  local stored = redis.call('GET', key)
  if not stored then return nil end
  local a, b, c, d = string.match(stored, '(%S+) (%S+) (%S+) (%S+)')
  return { tonumber(a), tonumber(b), tonumber(c), tonumber(d) }
end

local function saveBalance(key, b)
  redis.call('SET', key, num(b[1]) .. ' ' .. num(b[2]) .. ' ' .. num(b[3]) .. ' ' .. num(b[4]))
end

local function refill(b, at, amount)
  b[4] = b[1]
  b[1] = math.max(b[1], amount)
  b[2] = at
  b[3] = amount
end

local function epochLost(epoch) return epoch ~= '' and redis.call('GET', KEYS[#KEYS]) ~= epoch end

-- 'most': changes that this call may still make; they get their numbers together, and one that is not made leaves a gap.
local numbered, left = 0, 0
local function nextChange(at, epoch, most)
  if not KEYS[at] or epoch ~= '' and at == #KEYS then return '0' end -- a cluster does not count
  if left == 0 then
    numbered = redis.call('INCRBY', KEYS[at], most) - most
    left = most
  end
  numbered = numbered + 1
  left = left - 1
  return num(numbered)
end
`;

/**
 * Takes of any number of requests, each all or nothing, in their order. KEYS: of each take its marker, windows and
 * account; behind all of them as everywhere. ARGV: marker's life (ms), epoch; a JSON list with a list of numbers for each take:
 * 1 = only look, now, since (what began before it and is unknown is lost), number of windows, 1 = an account; per window:
 * start, duration, limit, cost; of the account: cost, 1 = up to all, initial, since, refill due, amount.
 * Answers 'epoch', or of each take: passed 'p', 'w' or 'c' for what did not fit, or 'lost'; start and used of each
 * window; remaining, refilledAt, refilledTo and spent of the account; number of the change. Or 'e' and what Redis said
 * of a key of this take alone; what is wrong with the server is the answer to all of them.
 */
export const TAKE = new LuaScript(`${PRELUDE}
local life, epoch = ARGV[1], ARGV[2]
if epochLost(epoch) then return 'epoch' end
local OF_THE_SERVER = { READONLY = 1, OOM = 1, MISCONF = 1, NOREPLICAS = 1, MASTERDOWN = 1, LOADING = 1 }

local function readWindows(key, a, count, since)
  local failed, windows, arg = nil, {}, 6
  for i = 1, count do
    local w = { start = a[arg], duration = a[arg + 1], cost = a[arg + 3] }
    local limit, start, used = a[arg + 2], readWindow(KEYS[key + i])
    if start and start >= w.start then
      w.start, w.used = start, used
    else
      w.used = (not start and w.start < since) and limit or 0
      w.moved = true
    end
    if w.used + w.cost > limit then failed = 'w' end
    windows[i] = w
    arg = arg + 4
  end
  return windows, failed, arg
end

local function take(key, a, changeAt, most)
  local look, now, since, count, account = a[1] == 1, a[2], a[3], a[4], a[5] == 1
  if not look then
    local known = redis.call('GET', KEYS[key])
    if known then return known end
  end
  local windows, failed, arg = readWindows(key, a, count, since)
  local b, spent, opened = nil, 0, false
  if account then
    local cost, initial, from = a[arg], a[arg + 2], a[arg + 3]
    b = readBalance(KEYS[key + count + 1])
    if not b then
      if from < since then return 'lost' end
      b = { initial, from, 0, initial }
      opened = true
    end
    local due = a[arg + 4]
    if due > b[2] then
      refill(b, due, a[arg + 5])
      opened = true
    end
    if cost <= b[1] then spent = cost
    elseif a[arg + 1] == 1 then spent = b[1]
    else failed = failed or 'c' end
  end
  local reply = { failed or 'p' }
  for i, w in ipairs(windows) do
    if not failed and not look then w.used = w.used + w.cost end
    if not look and (w.moved or (not failed and w.cost ~= 0)) then
      saveWindow(KEYS[key + i], w.start, w.duration, w.used, now)
    end
    reply[#reply + 1] = num(w.start) .. ' ' .. num(w.used)
  end
  if b then
    if failed or look then spent = 0 end
    b[1] = b[1] - spent
    if not look and (opened or spent ~= 0) then saveBalance(KEYS[key + count + 1], b) end
    reply[#reply + 1] = num(b[1]) .. ' ' .. num(b[2]) .. ' ' .. num(b[3]) .. ' ' .. num(spent)
  end
  if failed or look then return table.concat(reply, ' ') .. ' 0' end
  local answer = table.concat(reply, ' ') .. ' ' .. nextChange(changeAt, epoch, most)
  redis.call('SET', KEYS[key], answer, 'PX', life)
  return answer
end

local takes, keys = {}, 0
for i, a in ipairs(cjson.decode(ARGV[3])) do
  takes[i] = { key = keys + 1, args = a }
  keys = keys + 1 + a[4] + a[5]
end
local answers = {}
for i, it in ipairs(takes) do
  local done, answer = pcall(take, it.key, it.args, keys + 1, #takes - i + 1)
  if not done then
    local place = type(answer) == 'table' and ' ' .. (answer.source or '') .. ':' .. (answer.line or '') or ''
    local text = type(answer) == 'table' and answer.err or tostring(answer)
    if OF_THE_SERVER[string.match(text, '^%u*')] then return { err = text } end
    answer = 'e ' .. text .. place
  end
  answers[i] = answer
end
return answers
`);

/**
 * Gives a charge back. ARGV: marker's life, epoch, number of windows, 1 = an account; per window: start, units;
 * of the account: units, refill that was in the balance. Answers: 'u', number of the change.
 */
export const UNDO = new LuaScript(`${PRELUDE}
if epochLost(ARGV[2]) then return 'epoch' end
local known = redis.call('GET', KEYS[1])
if known then return known end
local count, arg = tonumber(ARGV[3]), 5
for i = 1, count do
  local start, used = readWindow(KEYS[i + 1])
  if start == tonumber(ARGV[arg]) then
    redis.call('SET', KEYS[i + 1], num(start) .. ' ' .. num(used - tonumber(ARGV[arg + 1])), 'KEEPTTL')
  end
  arg = arg + 2
end
local b = ARGV[4] == '1' and readBalance(KEYS[count + 2])
if b then
  local spent = tonumber(ARGV[arg])
  if tonumber(ARGV[arg + 1]) >= b[2] then
    b[1] = b[1] + spent
  else
    local filled = math.max(b[4], b[3])
    b[4] = b[4] + spent
    b[1] = b[1] + math.max(b[4], b[3]) - filled
  end
  saveBalance(KEYS[count + 2], b)
end
local answer = 'u ' .. nextChange(count + (ARGV[4] == '1' and 3 or 2), ARGV[2], 1)
redis.call('SET', KEYS[1], answer, 'PX', ARGV[1])
return answer
`);

/**
 * Folds a charge in again that Redis lost. ARGV: marker's life, epoch, now, number of windows, 1 = an account; per
 * window: start, duration, units; of the account: units, initial, refilledAt, refilledTo, since. Answers: 'r', number
 * of the change; or what the marker holds.
 */
export const REDO = new LuaScript(`${PRELUDE}
if epochLost(ARGV[2]) then return 'epoch' end
local known = redis.call('GET', KEYS[1])
if known then return known end
local now, count, arg = tonumber(ARGV[3]), tonumber(ARGV[4]), 6
for i = 1, count do
  local chargedAt, duration = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1])
  local start, used = readWindow(KEYS[i + 1])
  if not start or chargedAt > start then start, used = chargedAt, 0 end
  if chargedAt == start then used = used + tonumber(ARGV[arg + 2]) end
  saveWindow(KEYS[i + 1], start, duration, used, now)
  arg = arg + 3
end
if ARGV[5] == '1' then
  local initial, at = tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
  local b = readBalance(KEYS[count + 2]) or { initial, tonumber(ARGV[arg + 4]), 0, initial }
  if at > b[2] then refill(b, at, tonumber(ARGV[arg + 3])) end
  b[1] = b[1] - tonumber(ARGV[arg])
  saveBalance(KEYS[count + 2], b)
end
local answer = 'r ' .. nextChange(count + (ARGV[5] == '1' and 3 or 2), ARGV[2], 1)
redis.call('SET', KEYS[1], answer, 'PX', ARGV[1])
return answer
`);

/**
 * What the marker holds; where there is none, a marker that keeps a take which is still on its way from happening. One
 * that took is going to be given back: whoever asks again under its marker is not told that it passed.
 */
export const FENCE = new LuaScript(`
local known = redis.call('GET', KEYS[1])
if known and string.sub(known, 1, 2) == 'p ' then redis.call('SET', KEYS[1], 'x ' .. known, 'KEEPTTL') end
if known then return (string.gsub(known, '^x ', '')) end
redis.call('SET', KEYS[1], 'fenced', 'PX', ARGV[1])
return 'fenced'
`);

/**
 * Met with each new connection to the server. ARGV: run of the server, length of a recovery (ms), 1 = there was a
 * run before. Answers: ms that the recovery still takes, and up to which change the server kept them.
 */
export const GREET = new LuaScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local run, till, kept = string.match(redis.call('GET', KEYS[1]) or '', '(%S+) (%S+) (%S+)')
if run ~= ARGV[1] then
  till, kept = now + ARGV[2], redis.call('GET', KEYS[2]) or '0'
  if not run and ARGV[3] == '0' then till = 0 end
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. string.format('%.0f', till) .. ' ' .. kept)
end
return math.max(0, tonumber(till) - now) .. ' ' .. kept
`);

/** Marks a slot with an epoch. ARGV: epoch, when it was begun. One that was begun later stays. */
export const MARK = new LuaScript(`
local begun = string.match(redis.call('GET', KEYS[1]) or '', '[^.]*$')
if (tonumber(begun) or 0) <= tonumber(ARGV[2]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 1
`);

/** Forgets a claim or an answer, unless another one stands there. */
export const FORGET_IF = new LuaScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);
