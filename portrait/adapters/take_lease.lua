-- Take the lease if nobody holds it. Returns a token higher than any before, or false.
-- KEYS: {train}:lease, {train}:token. ARGV: how long it lasts (ms).
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
local token = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
return token
