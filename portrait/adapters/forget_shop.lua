-- Empty a closed shop's database, and forget that there was one; in one step, so that the database
-- is nobody else's when it is emptied.
-- KEYS: shops, keys of the shop, when each was used. ARGV: name, shop, its database, the one of
-- the shops.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return end
redis.call('SELECT', ARGV[3])
redis.call('FLUSHDB', 'ASYNC')
redis.call('SELECT', ARGV[4])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2], KEYS[3])
