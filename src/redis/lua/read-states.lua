-- read-states.lua: reads the states of some records.
--
-- KEYS  heads, blocks
-- ARGV  then ids
-- returns the state of each, in their order; nothing for one that is not there
local states = {}
for at = more, #ARGV do states[at] = read_state(heads, blocks, ARGV[at]) end
return states
