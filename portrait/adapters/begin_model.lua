-- Put the first model in service: its arrays, its card and its name, or nothing. Returns 0 if one is.
-- KEYS: model:champion, model:retired, model:index, the model's own. ARGV: its version, when it was
-- made (ms), whose arrays are gone though it is named as champion or nothing, then its own fields,
-- each followed by its value.
local champion = redis.call('GET', KEYS[1])
if champion and champion ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[4], unpack(ARGV, 4))
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[1])
return 1
