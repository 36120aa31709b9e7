-- Put the wanted model in service; the champion becomes the former. Returns 0 if it is not wanted.
-- KEYS: model:wanted, model:champion, model:previous, model:retired, the model's own. ARGV: its
-- version, the time (ms).
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
local champion = redis.call('GET', KEYS[2])
if champion == ARGV[1] then return 1 end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
redis.call('HDEL', KEYS[5], 'rolled_back', 'refused')
if champion then
  redis.call('SET', KEYS[3], champion)
  redis.call('ZADD', KEYS[4], ARGV[2], champion)
end
return 1
