-- Keep what was given, if nobody has written since: a value begins with its revision, 8 bytes.
-- KEYS: it. ARGV: the revision it is to have, the value, for how many ms at least.
local kept = redis.call('GETRANGE', KEYS[1], 0, 7)
if #kept < 8 then kept = string.rep('\0', 8) end
if kept ~= ARGV[1] then return 0 end
local left = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[3]))
redis.call('SET', KEYS[1], ARGV[2], 'PX', left)
return 1
