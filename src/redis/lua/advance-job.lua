-- advance-job.lua: notes that a step of a job is done, with all that it brought, if this run of the job is still the last one.
--
-- KEYS  1 state, 2 input, 3 output, 4 errors
-- ARGV  1 run, 2 steps that were done before this one, 3 the state as JSON, 4 pieces of the input that are done with,
--       5 ms that all of it is kept, 6 number of pieces of output, then these, then the errors
-- returns {'ok'} | {'fenced'} (another run has begun, or has noted this step: nothing was written)
local run, steps = ARGV[1], tonumber(ARGV[2])
local stored = redis.call('HMGET', KEYS[1], 'run', 'steps')
if stored[1] ~= run or tonumber(stored[2] or '0') ~= steps then return { 'fenced' } end

redis.call('HSET', KEYS[1], 'steps', steps + 1, 'state', ARGV[3])
if tonumber(ARGV[4]) > 0 then redis.call('LPOP', KEYS[2], ARGV[4]) end
local outputs = tonumber(ARGV[6])
for at = 7, #ARGV do
  redis.call('RPUSH', at < 7 + outputs and KEYS[3] or KEYS[4], ARGV[at])
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[5]) end
return { 'ok' }
