-- Open a job, unless one is open. Returns the id of the one that is, or false.
-- KEYS: {train}:open, {train}:jobs, {train}:log. ARGV: id, the job, how many to remember.
local open = redis.call('GET', KEYS[1])
if open then return open end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('LPUSH', KEYS[3], ARGV[1])
while redis.call('LLEN', KEYS[3]) > tonumber(ARGV[3]) do
  redis.call('HDEL', KEYS[2], redis.call('RPOP', KEYS[3]))
end
return false
