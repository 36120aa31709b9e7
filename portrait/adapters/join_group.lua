-- Let people into a group, unless there are too many groups: what of them nobody has spoken of for
-- longest goes after weeks. Says whether they are in it.
-- KEYS: the groups, and who was in this one in each of three fortnights in turn.
-- ARGV: the group, the most groups, the seconds that one outlives what is said of it, the seconds of
-- a fortnight, and the people, who are counted and not kept.
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
if not redis.call('ZSCORE', KEYS[1], ARGV[1])
  and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[1])
local turn = math.floor(now / ARGV[4]) % 3
local people = KEYS[2 + turn]
-- It is of this fortnight, or of the one six weeks ago: that one has expired.
for place = 5, #ARGV, 1000 do
  redis.call('PFADD', people, unpack(ARGV, place, math.min(place + 999, #ARGV)))
end
if redis.call('TTL', people) < 0 then
  redis.call('EXPIRE', people, (math.floor(now / ARGV[4]) + 3) * ARGV[4] - now)
end
return 1
