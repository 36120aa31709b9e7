-- Store profiles, each only if the stored one still has the revision its writer read.
-- KEYS: profiles. ARGV: seconds to live, or 0 for as long as before, then for each key the revision expected (8 bytes, zeros for
-- "none stored") and the record, in one string: half as many arguments are a third of the time.
-- A damaged record may be shorter than its revision, or no string at all: who read it as that may store another.
-- Returns the places (from 0) of the profiles that were refused.
local none = string.rep('\0', 8)
local refused = {}
for place, key in ipairs(KEYS) do
  local stored = redis.pcall('GETRANGE', key, 0, 7)
  if type(stored) == 'table' then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then return stored end
    stored = ''
  end
  stored = string.sub(stored .. none, 1, 8)
  local write = ARGV[place + 1]
  if stored == string.sub(write, 1, 8) then
    if ARGV[1] == '0' then
      redis.call('SET', key, string.sub(write, 9), 'KEEPTTL')
    else
      redis.call('SET', key, string.sub(write, 9), 'EX', ARGV[1])
    end
  else
    refused[#refused + 1] = place - 1
  end
end
return refused
