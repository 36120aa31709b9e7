-- Store items and announce them.
-- KEYS: the items, the change log. ARGV: 1 to overwrite or 0, length of the log, then id, item ...
for place = 3, #ARGV, 2 do
  local stored
  if ARGV[1] == '1' then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
    stored = 1
  else
    stored = redis.call('HSETNX', KEYS[1], ARGV[place], ARGV[place + 1])
  end
  if stored == 1 then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'id', ARGV[place])
  end
end
