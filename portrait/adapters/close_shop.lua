-- Let nobody into a shop's database any more.
-- KEYS: shops, the mark. ARGV: name, shop, its database, its token.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SELECT', ARGV[3])
if redis.call('GET', KEYS[2]) == ARGV[4] then redis.call('DEL', KEYS[2]) end
