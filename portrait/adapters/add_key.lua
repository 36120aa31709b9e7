-- Keep a new key, unless there are too many, or one has its name.
-- KEYS: keys. ARGV: most of them, id, key.
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
return 1
