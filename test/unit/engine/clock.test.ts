/**
 * clock.test.ts – The clock of a process, with a server and a machine whose clocks jump.
 */
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { EngineClock } from '../../../src/engine/clock.ts';

const START_MS = Date.parse('2026-03-01T12:00:00Z');
const HOUR_MS = 3_600_000;

/** A machine and a clock on it; errors are counted. */
function machine() {
  const at = { wallMs: START_MS, steadyMs: 500 };
  const errors: unknown[] = [];
  const stream = { write: (line: string) => errors.push(JSON.parse(line)) };
  const clock = new EngineClock(pino({ level: 'error' }, stream), {
    wallMs: () => at.wallMs,
    steadyMs: () => at.steadyMs,
  });
  const pass = (ms: number) => {
    at.wallMs += ms;
    at.steadyMs += ms;
  };
  return { at, clock, errors, pass };
}

describe('the clock of a process', () => {
  it('is that of the machine until the server has said its time, and then that of the server', () => {
    const { clock, pass } = machine();
    expect(clock.nowMs()).toBe(START_MS);
    clock.follow(START_MS - 3000);
    expect(clock.nowMs()).toBe(START_MS - 3000);
    pass(700);
    expect(clock.nowMs()).toBe(START_MS - 2300);
  });

  it('does not see the machine’s clock jump by less than a minute', () => {
    const { at, clock } = machine();
    clock.follow(START_MS);
    at.wallMs += 60_000;
    expect(clock.nowMs()).toBe(START_MS);
    at.wallMs -= 120_000;
    expect(clock.nowMs()).toBe(START_MS);
  });

  it('waits a jump forwards out, whichever of the two has jumped', () => {
    const { at, clock, pass } = machine();
    clock.follow(START_MS);
    at.wallMs += HOUR_MS;
    expect(clock.nowMs()).toBe(START_MS);
    at.wallMs -= HOUR_MS;
    clock.follow(START_MS + HOUR_MS);
    expect(clock.nowMs()).toBe(START_MS);
    pass(1000);
    expect(clock.nowMs()).toBe(START_MS + 1000);
    pass(HOUR_MS);
    clock.follow(START_MS + HOUR_MS + 1000);
    expect(clock.nowMs()).toBe(START_MS + HOUR_MS + 1000);
  });

  it('goes by the earlier one when either is put back by over a minute', () => {
    const { at, clock } = machine();
    clock.follow(START_MS);
    at.wallMs -= HOUR_MS;
    expect(clock.nowMs()).toBe(START_MS - HOUR_MS);
    at.wallMs += HOUR_MS;
    clock.follow(START_MS - HOUR_MS);
    expect(clock.nowMs()).toBe(START_MS - HOUR_MS);
  });

  it('says once that the clocks are apart, and again when they have met in between', () => {
    const { at, clock, errors } = machine();
    clock.follow(START_MS);
    at.wallMs += HOUR_MS;
    for (let i = 0; i < 5; i++) clock.nowMs();
    expect(errors).toHaveLength(1);
    at.wallMs -= HOUR_MS;
    clock.nowMs();
    at.wallMs -= HOUR_MS;
    clock.nowMs();
    expect(errors).toHaveLength(2);
  });
});
