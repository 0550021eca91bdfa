/**
 * slices.test.ts – Live changes wait for two slices of a process at most, and background work gets
 * its share however many changes there are.
 */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type Seat, Slices } from '../../../src/engine/slices.ts';

const NOTHING = { hasChanges: false, hasMessages: false, isWanted: false };
const WANTED = { ...NOTHING, isWanted: true };
const LIVE = { ...NOTHING, hasChanges: true };

let slices: Slices;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'Date'] });
  slices = new Slices(() => Date.now());
  return () => vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTime(ms);
const seats = (count: number) => Array.from({ length: count }, () => slices.join(() => {}));
/** How many of them get a slice when they ask now. */
const granted = (all: readonly Seat[]) =>
  all.filter((seat) => slices.begin(seat, WANTED) !== undefined).length;

describe('slices', () => {
  it('are several at once while there are no changes, and longer than beside changes', () => {
    const all = seats(16);
    expect(granted(all)).toBe(4);
    for (const seat of all) slices.leave(seat);
    const idleMs = slices.begin(
      slices.join(() => {}),
      WANTED,
    )!;
    slices.begin(
      slices.join(() => {}),
      LIVE,
    );
    const [other] = seats(1);
    pass(1000);
    const liveMs = slices.begin(other!, WANTED)!;
    expect(liveMs).toBeLessThan(idleMs);
  });

  it('are two at once beside changes, and a moment after the last one', () => {
    const [writer] = seats(1);
    slices.begin(writer!, LIVE);
    const all = seats(16);
    expect(granted(all)).toBe(2);
    slices.end(writer!);
    pass(50);
    expect(all.filter(({ isGranted }) => isGranted)).toHaveLength(0);
    pass(100);
    expect(granted(seats(1))).toBe(0); // it comes last
    pass(1);
    expect(all.filter(({ isGranted }) => isGranted)).toHaveLength(2);
  });

  it('are not held by those who were granted one and have nothing to do any more', () => {
    const all = seats(16);
    expect(granted(all)).toBe(4);
    for (const seat of all.slice(0, 12)) slices.end(seat);
    pass(1);
    expect(all.slice(4, 8).every(({ isGranted }) => isGranted)).toBe(true);
    // Their next turns find nothing to do, and do not even ask.
    for (const seat of all.slice(4, 12)) slices.end(seat);
    pass(1);
    expect(all.slice(12).every(({ isGranted }) => isGranted)).toBe(true);
  });

  it('are granted in the order in which they were asked for', () => {
    const order: number[] = [];
    const all = Array.from({ length: 7 }, (_, at) => slices.join(() => order.push(at)));
    const running = all.slice(0, 4);
    for (const seat of all) slices.begin(seat, WANTED);
    pass(1);
    order.length = 0;
    for (const seat of running) {
      slices.end(seat);
      slices.begin(seat, WANTED);
      pass(1);
    }
    expect(order.slice(0, 3)).toEqual([4, 5, 6]);
  });

  it.each(['hasChanges', 'hasMessages'])(
    'of a partition that %s come in turns with these',
    (has) => {
      const ahead = { ...WANTED, [has]: true };
      const [seat] = seats(1);
      for (let turn = 0; turn < 3; turn++) {
        expect(slices.begin(seat!, ahead)).toBeUndefined();
        slices.end(seat!);
        pass(20);
        expect(slices.begin(seat!, ahead)).toBeGreaterThan(0);
        slices.end(seat!);
      }
    },
  );

  it('are not fewer beside messages', () => {
    slices.begin(
      slices.join(() => {}),
      { ...NOTHING, hasMessages: true },
    );
    expect(granted(seats(16))).toBe(4);
  });

  it('rest while changes wait, and are a quarter of the time then', () => {
    const [busy, builder] = seats(2) as [Seat, Seat];
    let sliceMs = 0;
    for (let ms = 0; ms < 1000; ms++) {
      slices.end(busy);
      slices.begin(busy, LIVE); // its next changes wait already
      if (builder.turn === 'slice' && Date.now() - builder.beganMs >= 5) slices.end(builder);
      if (builder.turn === 'none') slices.begin(builder, WANTED);
      if (builder.turn === 'slice') sliceMs++;
      pass(1);
    }
    expect(sliceMs).toBeGreaterThan(200);
    expect(sliceMs).toBeLessThan(350);
  });

  it('do not rest once no changes wait', () => {
    const [writer, builder] = seats(2) as [Seat, Seat];
    slices.begin(writer, LIVE);
    slices.begin(builder, WANTED);
    pass(5);
    slices.end(builder);
    expect(slices.begin(builder, WANTED)).toBeUndefined();
    slices.end(writer);
    pass(1);
    expect(slices.begin(builder, WANTED)).toBeGreaterThan(0);
  });

  it.each(['leaves', 'wants it no more'])('of a partition that %s go to another', (what) => {
    const woken = vi.fn();
    const running = seats(4);
    granted(running);
    const [first, second] = [slices.join(() => {}), slices.join(woken)];
    for (const seat of [first, second]) slices.begin(seat, WANTED);
    slices.end(running[0]!);
    pass(1);
    expect(first.isGranted).toBe(true);
    if (what === 'leaves') slices.leave(first);
    else slices.begin(first, NOTHING);
    pass(1);
    expect(woken).toHaveBeenCalledOnce();
    expect(slices.begin(second, WANTED)).toBeGreaterThan(0);
  });
});
