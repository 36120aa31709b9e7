-- Take the lease if nobody holds it. Returns a token higher than any before, or false.
-- KEYS: {train}:lease, {train}:token. ARGV: how long it lasts (ms).
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
-- By the clock: a Redis that was emptied would begin to count again, and an old holder would return.
local now = redis.call('TIME')
local token = tonumber(redis.call('GET', KEYS[2]) or '0') + 1
token = math.max(token, now[1] * 1000 + math.floor(now[2] / 1000))
token = string.format('%d', token)
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token, 'PX', ARGV[1])
return token
