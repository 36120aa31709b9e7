-- Keep a book of rules as the newest, if the newest has the expected version.
-- KEYS: its version, all books. ARGV: expected, version, book, most of them.
local version = redis.call('GET', KEYS[1])
if (tonumber(version or '0') or 0) ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('LPUSH', KEYS[2], ARGV[3])
redis.call('LTRIM', KEYS[2], 0, tonumber(ARGV[4]) - 1)
return 1
