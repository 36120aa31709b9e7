-- Make a shop in a database, unless there is one of its name or something lies there.
-- KEYS: shops, the mark. ARGV: name, shop, the database, the one of the shops, the token.
-- Returns 'made', or why not: 'exists', 'full', 'none' where there is no such database.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 'exists' end
if redis.pcall('SELECT', ARGV[3]).err then return 'none' end
if redis.call('DBSIZE') > 0 then return 'full' end
redis.call('SET', KEYS[2], ARGV[5])
redis.call('SELECT', ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 'made'
