-- Say how far an import has come, if whoever says so is still at it.
-- KEYS: import:<name>. ARGV: its owner's token, the state. Returns 0 if another has taken it over.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[2])
return 1
