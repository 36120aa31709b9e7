-- Store items of the catalogue and announce them; they are introduced no more.
-- KEYS: the items, the introduced ones, when they were, the change log.
-- ARGV: length of the log, then id, item ...
for place = 2, #ARGV, 2 do
  local id = ARGV[place]
  redis.call('HSET', KEYS[1], id, ARGV[place + 1])
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[1], '*', 'id', id)
end
