-- Add weights to a day, and forget the days beyond the newest. A day that has not come is refused:
-- it would take the place of a real one.
-- KEYS: the days, the day, what strangers want on it.
-- ARGV: the day, days kept, weights by item id as JSON objects, everybody's and strangers', and the
-- seconds that these keys outlive what is added; 0: for good.
-- The field of no name says when a day was last added to, so that nobody reads it twice.
local now = redis.call('TIME')
if tonumber(ARGV[1]) > math.floor(now[1] / 86400) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[1], KEYS[2])
for place = 2, 3 do
  local weights = cjson.decode(ARGV[place + 1])
  if next(weights) then redis.call('HSET', KEYS[place], '', now[1] .. '.' .. now[2]) end
  for id, weight in pairs(weights) do
    weight = string.format('%.0f', weight)
    local answer = redis.pcall('HINCRBY', KEYS[place], id, weight)
    if type(answer) == 'table' then -- a damaged weight, unless the key is no hash
      redis.call('HSET', KEYS[place], id, weight)
    end
  end
end
if tonumber(ARGV[5]) > 0 then
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[5]) end
end
local old = redis.call('ZRANGE', KEYS[1], 0, -1 - tonumber(ARGV[2]))
for _, key in ipairs(old) do
  redis.call('UNLINK', key, key .. ':strangers', key .. ':people')
  redis.call('ZREM', KEYS[1], key)
end
return 1
