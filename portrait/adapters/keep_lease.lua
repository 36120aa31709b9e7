-- Hold the lease for another while, or give it back (0 ms), if it is still this token's.
-- KEYS: {train}:lease. ARGV: the token, how long (ms). Returns 0 if it is not.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
