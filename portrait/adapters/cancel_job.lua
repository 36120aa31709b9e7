-- Cancel a job: whoever holds the lease is told at its next step; where nobody does, it ends now.
-- KEYS: {train}:open, {train}:jobs, {train}:lease, {train}:cancel. ARGV: id, the job as it was read, the
-- job as cancelled, the reason. Returns 0 if it has changed since it was read, 1 if its trainer will
-- be told, 2 if it has ended.
local is_open = redis.call('GET', KEYS[1]) == ARGV[1]
if is_open and redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[4], ARGV[1], ARGV[4])
  return 1
end
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
if is_open then redis.call('DEL', KEYS[1], KEYS[4]) end
return 2
