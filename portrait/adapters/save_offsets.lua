-- Move offsets forward, unless Redis has started again, or was emptied, since they were true.
-- KEYS: the group's offsets, the token of the life. ARGV: the life (run_id:token), then
-- topic:partition, offset ... Returns 1, or 0 if this is another life.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if run .. ':' .. (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
for place = 2, #ARGV, 2 do
  local stored = tonumber(redis.call('HGET', KEYS[1], ARGV[place]) or '-1')
  if tonumber(ARGV[place + 1]) > stored then
    redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
  end
end
return 1
