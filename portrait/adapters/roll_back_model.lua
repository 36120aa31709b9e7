-- Put the former model back in service, at once. Returns its version, or false if there
-- is none, or nobody serves.
-- KEYS: model:wanted, model:champion, model:previous, model:retired. ARGV: the reason, the time (ms),
-- who has to be in service, or nothing.
local former = redis.call('GET', KEYS[3])
local champion = redis.call('GET', KEYS[2])
if not former or not champion then return false end
if ARGV[3] ~= '' and champion ~= ARGV[3] then return false end
redis.call('SET', KEYS[2], former)
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('ZREM', KEYS[4], former)
redis.call('ZADD', KEYS[4], ARGV[2], champion)
redis.pcall('HSET', 'model:' .. champion, 'rolled_back', ARGV[1]) -- no hash: nobody can serve it
return former
