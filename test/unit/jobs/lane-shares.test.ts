/**
 * lane-shares.test.ts – Who may send now: bounds per activation and host, and what is left of the
 * lanes for the others.
 */
import { describe, expect, test } from 'vitest';
import { LaneShares } from '../../../src/jobs/lane-shares.ts';

const LANES = 128;

/** Takes as many lanes as it may get. */
function fill(shares: LaneShares, activation: string, host: string): (() => void)[] {
  const taken: (() => void)[] = [];
  for (
    let leave = shares.enter({ activation, host });
    leave;
    leave = shares.enter({ activation, host })
  )
    taken.push(leave);
  return taken;
}

function proven(shares: LaneShares, activation: string): void {
  for (let n = 0; n < LANES; n++) shares.note(activation, true, 5);
}

describe('shares of the lanes', () => {
  test('an activation whose receiver is quick has at most a quarter, a host at most a half', () => {
    const shares = new LaneShares(LANES);
    for (const activation of ['a', 'b', 'c']) proven(shares, activation);
    expect(fill(shares, 'a', 'one')).toHaveLength(LANES / 4);
    expect(fill(shares, 'b', 'one')).toHaveLength(LANES / 4);
    expect(fill(shares, 'c', 'one')).toHaveLength(0);
    expect(fill(shares, 'c', 'another')).toHaveLength(LANES / 4);
  });

  test('one of which nothing is known has a few, and one that hangs has one', () => {
    const shares = new LaneShares(LANES);
    const taken = fill(shares, 'a', 'one');
    expect(taken).toHaveLength(4);
    shares.note('a', false, 10_000);
    for (const leave of taken) leave();
    expect(fill(shares, 'a', 'one')).toHaveLength(1);
  });

  test('one that is slow keeps what it has, and gets no more', () => {
    const shares = new LaneShares(LANES);
    for (let n = 0; n < LANES; n++) shares.note('a', true, 5000);
    expect(fill(shares, 'a', 'one')).toHaveLength(4);
  });

  test('however many do not answer, those who do find a quarter of the lanes free', () => {
    const shares = new LaneShares(LANES);
    proven(shares, 'live');
    let dead = 0;
    for (let n = 0; n < 24; n++) dead += fill(shares, `dead ${n}`, `host ${n}`).length;
    expect(dead).toBe((LANES * 3) / 4);
    expect(fill(shares, 'live', 'alive')).toHaveLength(LANES / 4);
  });

  test('one that has no lane gets one, so that it can show that it is back', () => {
    const shares = new LaneShares(LANES);
    for (let n = 0; n < 24; n++) fill(shares, `dead ${n}`, `host ${n}`);
    expect(fill(shares, 'new', 'its host')).toHaveLength(1);
  });

  test('what is given back is free again', () => {
    const shares = new LaneShares(LANES);
    proven(shares, 'a');
    for (let round = 0; round < 3; round++) {
      const taken = fill(shares, 'a', 'one');
      expect(taken).toHaveLength(LANES / 4);
      for (const leave of taken) leave();
    }
  });
});
