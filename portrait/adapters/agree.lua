-- Remember what users let be done: of each the largest number, which is what was said last.
-- KEYS: consents. ARGV: a number for each. What is no number there is damaged, and gives way.
for place, key in ipairs(KEYS) do
  local stored = redis.pcall('GET', key)
  if type(stored) == 'table' then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    stored = nil
  end
  local number = stored and tonumber(stored)
  if not number or number < tonumber(ARGV[place]) then
    redis.call('SET', key, ARGV[place])
  end
end
