-- Move offsets forward, unless Redis has started again, or was emptied, since they were true.
-- KEYS: the group's offsets, the token of the life. ARGV: the life (run_id:token), then
-- topic:partition, offset, number of the log, its id ...
-- Kept is "offset number id"; older versions kept "offset", of the first log.
-- What cannot be read as that (see `redis_progress.py`) is not there.
-- Returns 1, or 0 if this is another life.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if run .. ':' .. (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
for place = 2, #ARGV, 4 do
  local kept = redis.call('HGET', KEYS[1], ARGV[place]) or ''
  local stored, of = string.match(kept, '^([!-~]*) (%d+) [!-~]*$')
  if of and tonumber(of) > 32767 then stored, of = '-1', '-1' end -- `LARGEST_LOG`: it is damaged
  if not of then stored, of = kept, '0' end
  if #stored > 18 or not string.find(stored, '^%d+$') then stored = '-1' end
  local log, in_log = tonumber(ARGV[place + 2]), tonumber(of)
  if log > in_log or (log == in_log and tonumber(ARGV[place + 1]) >= tonumber(stored)) then
    local value = ARGV[place + 1] .. ' ' .. ARGV[place + 2] .. ' ' .. ARGV[place + 3]
    redis.call('HSET', KEYS[1], ARGV[place], value)
  end
end
return 1
