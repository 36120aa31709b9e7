-- Store how far a job is, if its trainer is the newest that held the lease.
-- KEYS: {train}:token, {train}:jobs, {train}:open, {train}:cancel. ARGV: the token, id, the job, 1 if
-- it is over. Returns {0} if another has held the lease since, {1} if it is stored, {2} if the job was
-- ended by somebody else, {3, the reason} if it is stored and is to be cancelled.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {0} end
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return {2} end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
if ARGV[4] == '1' then
  redis.call('DEL', KEYS[3], KEYS[4])
  return {1}
end
local reason = redis.call('HGET', KEYS[4], ARGV[2])
if reason then return {3, reason} end
return {1}
