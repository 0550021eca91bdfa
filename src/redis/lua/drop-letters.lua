-- drop-letters.lua: drops the dead letters that are over their bounds.
--
-- KEYS  dead, dead_index
-- ARGV  letters_max, bytes_max, oldest_ms
-- returns 'dropped'
drop_letters(dead, dead_index, letters_max, bytes_max, oldest_ms)
return 'dropped'
