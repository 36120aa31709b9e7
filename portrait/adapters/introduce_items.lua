-- Remember items that the catalogue does not have; forget the oldest, and those whose time is over.
-- KEYS: the items, the introduced ones, when they were, the change log, where items lie as was
-- read, and their brands.
-- ARGV: length of the log, most introduced ones, their time to live in ms, then id, item, how much
-- it says, id, item ... What says less than is known is passed over.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function announce(id)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[1], '*', 'id', id)
end
local function forget(ids)
  for _, id in ipairs(ids) do
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[3], id)
    redis.call('HDEL', KEYS[5], id)
    redis.call('HDEL', KEYS[6], id)
    announce(id)
  end
end
local function said(item)
  local is_sound, known = pcall(cjson.decode, item)
  local much = is_sound and type(known) == 'table' and tonumber(known.said) or 0
  return much >= 0 and much < 256 and much or 0 -- beyond, it is damaged
end
for place = 4, #ARGV, 3 do
  local id, item = ARGV[place], ARGV[place + 1]
  if redis.call('HEXISTS', KEYS[1], id) == 0 then
    local known = redis.call('HGET', KEYS[2], id)
    if not known or (known ~= item and said(known) <= tonumber(ARGV[place + 2])) then
      redis.call('HSET', KEYS[2], id, item)
      announce(id)
    end
    redis.call('ZADD', KEYS[3], now, id)
  end
end
forget(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3], 'LIMIT', 0, 1000))
local beyond = redis.call('ZCARD', KEYS[3]) - ARGV[2]
if beyond > 0 then forget(redis.call('ZRANGE', KEYS[3], 0, math.min(beyond, 1000) - 1)) end
