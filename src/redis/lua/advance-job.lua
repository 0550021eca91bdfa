-- advance-job.lua: notes that a step of a job is done, with all that it brought, if this run of the
-- job is still the last one.
--
-- KEYS  state, input, output, errors
-- ARGV  run, steps, job, input_done, kept_ms, outputs; then so many pieces of output, then errors
--   steps: done before this one; job: its state as JSON; input_done: pieces that are done with
-- returns 'ok' | 'fenced' (another run has begun, or has noted this step: nothing was written)
local stored = redis.call('HMGET', state, 'run', 'steps')
if stored[1] ~= run or tonumber(stored[2] or '0') ~= tonumber(steps) then return 'fenced' end

redis.call('HSET', state, 'steps', tonumber(steps) + 1, 'state', job)
if tonumber(input_done) > 0 then redis.call('LPOP', input, input_done) end
for at = more, #ARGV do
  redis.call('RPUSH', at < more + tonumber(outputs) and output or errors, ARGV[at])
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, kept_ms) end
return 'ok'
