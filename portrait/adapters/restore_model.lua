-- Put models in service where none is, after Redis has lost them. Returns 0 if one is.
-- KEYS: model:wanted, model:champion, model:previous, model:retired. ARGV: the champion, the former
-- or nothing, whose arrays are gone though it is named as champion or nothing, the time (ms).
local champion = redis.call('GET', KEYS[2])
if champion and champion ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
if ARGV[2] ~= '' then
  redis.call('SET', KEYS[3], ARGV[2])
  redis.call('ZADD', KEYS[4], ARGV[4], ARGV[2])
end
return 1
