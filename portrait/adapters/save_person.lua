-- Store what is told of a user, joined with what they did before they logged in, and what they did as themselves beside it, if all that
-- it was made of is still as it was read.
-- KEYS: what is told, its searches, their own, its searches, on which devices they were seen; then of each of those the device, its
-- record, its searches.
-- ARGV: seconds to live; the revisions of the first and the third (8 bytes; zeros for "none stored"); what to store under the first four
-- (nothing of an empty text; `=` leaves what is there); then of each device what was read, and the revision of its record.
-- Returns 1 if it was stored, 0 if somebody else was faster.
local none = string.rep('\0', 8)
local function read(command, key, ...)
  local stored = redis.pcall(command, key, ...)
  if type(stored) == 'table' then
    if not string.find(stored.err, 'WRONGTYPE', 1, true) then error(stored.err) end
    return ''
  end
  return stored or ''
end
local function revision(key)
  return string.sub(read('GETRANGE', key, 0, 7) .. none, 1, 8)
end
if revision(KEYS[1]) ~= ARGV[2] or revision(KEYS[3]) ~= ARGV[3] then return 0 end
local devices = (#KEYS - 5) / 3
for place = 0, devices - 1 do
  local key, argument = 6 + 3 * place, 8 + 2 * place
  if read('GET', KEYS[key]) ~= ARGV[argument] or revision(KEYS[key + 1]) ~= ARGV[argument + 1] then return 0 end
end
for place, key in ipairs(KEYS) do
  local value = ARGV[place + 3]
  if place > 4 or value == '=' then
    if redis.call('TTL', key) ~= -1 then redis.call('EXPIRE', key, ARGV[1]) end  -- a suppression does not end by itself
  elseif value == '' then
    redis.call('DEL', key)
  else
    redis.call('SET', key, value, 'EX', ARGV[1])
  end
end
return 1
