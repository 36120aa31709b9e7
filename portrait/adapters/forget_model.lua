-- Remove a model's arrays, unless it serves or is to serve. Returns 0 if it does.
-- KEYS: model:wanted, model:champion, model:previous, model:retired, the model's own. ARGV: its version.
if redis.call('GET', KEYS[1]) == ARGV[1] or redis.call('GET', KEYS[2]) == ARGV[1] then return 0 end
if redis.call('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end
redis.call('ZREM', KEYS[4], ARGV[1])
for _, field in ipairs(redis.call('HKEYS', KEYS[5])) do
  if field == 'manifest' or field == 'space' or string.find(field, '^learned') then
    redis.call('HDEL', KEYS[5], field)
  end
end
return 1
