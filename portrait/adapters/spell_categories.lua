-- Keep how categories are first written; return how each is.
-- KEYS: how they are written, by meaning.
-- ARGV: most of them, then meaning, how it is written, meaning, how ...
local room = ARGV[1] - redis.call('HLEN', KEYS[1])
local written = {}
for place = 2, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[1], ARGV[place])
  if not known and room > 0 then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
    room = room - 1
  end
  written[#written + 1] = known or ARGV[place + 1]
end
return written
