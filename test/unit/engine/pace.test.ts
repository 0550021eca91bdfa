/**
 * pace.test.ts – A slice is of as many records as its time allows, by what records cost lately.
 */
import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/engine/pace.ts';

const NO_EFFECTS = { effects: 0 };

/** The size of the last of so many slices, each of which takes as many records as it may. */
function sizeAfter(pace: Pace, slices: number, sliceMs: number, stepMsPerRecord: number): number {
  for (let left = slices; left > 0; left--) {
    const records = pace.records(sliceMs);
    pace.took(records, records * stepMsPerRecord, NO_EFFECTS);
  }
  return pace.records(sliceMs);
}

describe('a pace', () => {
  it('begins with few records, and doubles them as long as they are cheap', () => {
    const pace = new Pace();
    const sizes = [pace.records(1000)];
    for (let slice = 0; slice < 3; slice++) sizes.push(sizeAfter(pace, 1, 1000, 0.001));
    expect(sizes).toEqual([64, 128, 256, 512]);
  });

  it('comes to what the time allows, with the reading of records', () => {
    expect(sizeAfter(new Pace(), 20, 5, 0.09)).toBe(50);
    expect(sizeAfter(new Pace(), 20, 10, 0.09)).toBe(100);
  });

  it('counts what is written of them', () => {
    const pace = new Pace();
    for (let slice = 0; slice < 20; slice++) pace.took(10, 0, { effects: 10 * 990 });
    expect(pace.records(5)).toBe(5);
  });

  it('takes one record at least, however long one takes', () => {
    expect(sizeAfter(new Pace(), 20, 5, 80)).toBe(1);
  });

  it('is not halved by one slice in which the process stood still, and follows what lasts', () => {
    const pace = new Pace();
    const usual = sizeAfter(pace, 20, 10, 0.04);
    expect(usual).toBe(200);
    pace.took(200, 200 * 0.09, NO_EFFECTS);
    expect(pace.records(10)).toBeGreaterThan(usual / 2);
    expect(sizeAfter(pace, 20, 10, 0.99)).toBe(10);
  });

  it('is left as it is by a slice without records', () => {
    const pace = new Pace();
    const before = sizeAfter(pace, 20, 10, 0.04);
    pace.took(0, 500, NO_EFFECTS);
    expect(pace.records(10)).toBe(before);
  });
});
