-- Store values, each only if the one that is there is still the one that was read. KEYS: theirs. ARGV: seconds to live, then for each key
-- what was read (empty: nothing) and what to store. What is there may be of another type: then it is as good as nothing.
-- Returns the places (from 0) of those that were refused.
local refused = {}
for place, key in ipairs(KEYS) do
  local stored = redis.pcall('GET', key)
  if type(stored) == 'table' then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    stored = ''
  end
  if (stored or '') == ARGV[2 * place] then
    redis.call('SET', key, ARGV[2 * place + 1], 'EX', ARGV[1])
  else
    refused[#refused + 1] = place - 1
  end
end
return refused
