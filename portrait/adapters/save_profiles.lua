-- Store profiles, each only if the stored one still has the revision its writer read.
-- KEYS: profiles. ARGV: seconds to live, or 0 for as long as before, then for each key the revision expected (8 bytes, zeros for
-- "none stored"), 1 + the length of what was searched for (2 bytes; 0: it stays), that, and the record, in one string: half as many
-- arguments are a third of the time. What was searched for lies under the same name after `searched`, in the same slot.
-- A damaged record may be shorter than its revision, or no string at all: who read it as that may store another.
-- Returns the places (from 0) of the profiles that were refused.
local none = string.rep('\0', 8)
local refused = {}
local function put(key, value)
  if ARGV[1] == '0' then
    redis.call('SET', key, value, 'KEEPTTL')
  else
    redis.call('SET', key, value, 'EX', ARGV[1])
  end
end
for place, key in ipairs(KEYS) do
  local stored = redis.pcall('GETRANGE', key, 0, 7)
  if type(stored) == 'table' then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    stored = ''
  end
  stored = string.sub(stored .. none, 1, 8)
  local write = ARGV[place + 1]
  if stored == string.sub(write, 1, 8) then
    local size = 256 * string.byte(write, 9) + string.byte(write, 10)
    local beside = 'searched' .. string.sub(key, 8)
    if size > 1 then
      put(beside, string.sub(write, 11, 9 + size))
    elseif size == 1 then
      redis.call('DEL', beside)
    elseif ARGV[1] ~= '0' then
      redis.call('EXPIRE', beside, ARGV[1])
    end
    put(key, string.sub(write, size == 0 and 11 or 10 + size))
  else
    refused[#refused + 1] = place - 1
  end
end
return refused
