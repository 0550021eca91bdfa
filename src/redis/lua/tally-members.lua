-- tally-members.lua: counts which of some sets their members are in, for all of them at once.
--
-- KEYS  then the sets, at most 32
-- ARGV  then nothing
-- returns masks and numbers in turn: how many members are in just the sets of a mask, of which bit
--       0 is the first set
local masks, bit = {}, 1
for at = more_keys, #KEYS do
  local members = redis.call('SMEMBERS', KEYS[at])
  for each = 1, #members do
    local member = members[each]
    masks[member] = (masks[member] or 0) + bit
  end
  bit = bit * 2
end
local tally = {}
for _, mask in pairs(masks) do tally[mask] = (tally[mask] or 0) + 1 end
local answer = {}
for mask, number in pairs(tally) do
  answer[#answer + 1] = mask
  answer[#answer + 1] = number
end
return answer
