-- Remember when keys were used last; an older moment changes nothing, nor does a key that is gone.
-- KEYS: keys, when each was used. ARGV: id, ms, id, ms, ...
for place = 1, #ARGV, 2 do
  local id, at = ARGV[place], tonumber(ARGV[place + 1])
  local known = tonumber(redis.call('HGET', KEYS[2], id) or '')
  if (not known or known < at) and redis.call('HEXISTS', KEYS[1], id) == 1 then
    redis.call('HSET', KEYS[2], id, ARGV[place + 1])
  end
end
