-- Add weights to a day, and forget the days beyond the newest.
-- KEYS: the days, the day. ARGV: the day, days kept, weights by item id as a JSON object.
redis.call('ZADD', KEYS[1], ARGV[1], KEYS[2])
for id, weight in pairs(cjson.decode(ARGV[3])) do
  redis.call('HINCRBY', KEYS[2], id, string.format('%.0f', weight))
end
local old = redis.call('ZRANGE', KEYS[1], 0, -1 - tonumber(ARGV[2]))
for _, key in ipairs(old) do
  redis.call('UNLINK', key)
  redis.call('ZREM', KEYS[1], key)
end
