-- Join what users do not want with what is stored: see portrait/events/unwanted.py, which says the same.
-- KEYS: unwanted. ARGV: most things of one user, seconds that an erasure alone is kept, then JSON for each key.
local most, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local function read(value)
  local ok, found = pcall(cjson.decode, value)
  if not ok or type(found) ~= 'table' or type(found.said) ~= 'table' then return {erased = 0, said = {}} end
  local kept = {erased = tonumber(found.erased) or 0, said = {}}
  for thing, word in pairs(found.said) do
    if type(word) == 'table' and type(word[1]) == 'number' and type(word[2]) == 'number' then kept.said[thing] = word end
  end
  return kept
end
local function is_later(one, other)
  local ends, others = one[2] == 0 and math.huge or one[2], other[2] == 0 and math.huge or other[2]
  return one[1] > other[1] or (one[1] == other[1] and ends > others)
end
for place, key in ipairs(KEYS) do
  local stored = redis.pcall('GET', key)
  if type(stored) == 'table' then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    stored = false
  end
  local known, more = stored and read(stored) or {erased = 0, said = {}}, read(ARGV[place + 2])
  local erased = math.max(known.erased, more.erased)
  for thing, word in pairs(more.said) do
    if not known.said[thing] or is_later(word, known.said[thing]) then known.said[thing] = word end
  end
  local things = {}
  for thing, word in pairs(known.said) do
    if word[1] > erased then things[#things + 1] = thing end
  end
  table.sort(things, function(one, other)
    local a, b = known.said[one][1], known.said[other][1]
    return a < b or (a == b and one < other)
  end)
  local said = {}
  for at = math.max(1, #things - most + 1), #things do
    local word = known.said[things[at]]
    said[#said + 1] = string.format('%s:[%.0f,%.0f]', cjson.encode(things[at]), word[1], word[2])
  end
  local value = string.format('{"erased":%.0f,"said":{%s}}', erased, table.concat(said, ','))
  if #said == 0 then
    redis.call('SET', key, value, 'EX', seconds)
  else
    redis.call('SET', key, value)
  end
end
