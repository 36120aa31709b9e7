-- Note who wants something in a group in a week, and whether the group is one that is told of.
-- KEYS: the groups that are told of, the others, the weeks of this one, and a sketch of who was in it
-- in this week.
-- ARGV: the group, its week, the most groups of the ones and of the others, the seconds that it
-- outlives what is said of it, the fewest people, what the names of a group's keys begin with, and
-- the bits of the people.
local group, now, kept = ARGV[1], tonumber(redis.call('TIME')[1]), tonumber(ARGV[5])
for place = 8, #ARGV do redis.call('SETBIT', KEYS[4], ARGV[place], 1) end
redis.call('EXPIRE', KEYS[4], kept)
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[7] .. group .. ':' .. ARGV[2])
for place = 1, 2 do redis.call('ZREMRANGEBYSCORE', KEYS[place], '-inf', now - kept) end
if redis.call('ZSCORE', KEYS[1], group) then
  redis.call('ZADD', KEYS[1], now, group)
  return 1
end

local sketches, people = {}, 0
for _, week in ipairs(redis.call('ZREVRANGE', KEYS[3], 0, 3)) do
  sketches[#sketches + 1] = redis.call('GET', week .. ':people') or ''
end
for place = 1, 8 do
  local byte = 0
  for _, sketch in ipairs(sketches) do byte = bit.bor(byte, string.byte(sketch, place) or 0) end
  while byte > 0 do
    people, byte = people + byte % 2, math.floor(byte / 2)
  end
end
if people >= tonumber(ARGV[6]) then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  local is_full = redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3])
  if not is_full or tonumber(oldest[2]) < now - 86400 then
    if is_full then redis.call('ZREM', KEYS[1], oldest[1]) end
    redis.call('ZADD', KEYS[1], now, group)
    redis.call('ZREM', KEYS[2], group)
    return 1
  end
end

redis.call('ZADD', KEYS[2], now, group)
if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[4]) then
  local of = ARGV[7] .. redis.call('ZPOPMIN', KEYS[2])[1]
  for _, week in ipairs(redis.call('ZRANGE', of .. ':days', 0, -1)) do
    redis.call('UNLINK', week, week .. ':strangers', week .. ':people')
  end
  redis.call('UNLINK', of .. ':days')
end
return 0
