-- Store vectors that expire, each unless a sound one is there: as long, and of numbers alone.
-- KEYS: vectors. ARGV: seconds to live, then each vector (half floats).
local function is_sound(stored, length)
  if type(stored) ~= 'string' or #stored ~= length then return false end
  for at = 2, length, 2 do -- an exponent of ones alone: infinite, or no number
    if bit.band(string.byte(stored, at), 0x7c) == 0x7c then return false end
  end
  return true
end
for place, key in ipairs(KEYS) do
  local vector = ARGV[place + 1]
  if not is_sound(redis.pcall('GET', key), #vector) then
    redis.call('SET', key, vector, 'EX', ARGV[1])
  end
end
