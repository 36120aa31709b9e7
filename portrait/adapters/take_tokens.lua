-- Take tokens out of a bucket that fills as time goes by; by Redis' clock, for it is everybody's.
-- KEYS: the bucket, a hash: tokens, at (s). ARGV: rate, most that it holds, least, most to take.
-- Returns how many were taken, and for how many ms to wait if none.
local rate, size = tonumber(ARGV[1]), tonumber(ARGV[2])
local least, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1] or ''), tonumber(held[2] or '')
if tokens and at and at <= now then
  tokens = math.min(size, tokens + (now - at) * rate)
else
  tokens = size
end
local taken = 0
if tokens >= least then taken = math.floor(math.min(tokens, most)) end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - taken), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(size / rate * 1000) + 1000)
local wait = 0
if taken == 0 then wait = math.ceil((least - tokens) / rate * 1000) end
return {taken, wait}
