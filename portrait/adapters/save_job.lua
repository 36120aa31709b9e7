-- Store how far a job is, if its trainer is the newest that held the lease. Returns 0 if it is not.
-- KEYS: {train}:token, {train}:jobs, {train}:open. ARGV: the token, id, the job, 1 if it is over.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
if ARGV[4] == '1' and redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
return 1
