/** state-row.test.ts – A state comes out of its fields as it went in, and a flip writes one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StateRow } from '../../../src/membership/state-row.ts';
import { flip } from '../../../src/query/network/network.ts';
import {
  applyFlips,
  BLOCK_IDS_MAX,
  NO_PREDICATE_IDS,
  predicateIds,
} from '../../../src/query/network/predicate-ids.ts';
import { packBlock, unpackBlock } from '../../../src/redis/rows/predicate-block.ts';
import { stateChange, statePartsOf, unpackState } from '../../../src/redis/rows/state-row.ts';
import { stateText } from '../../support/state-text.ts';

const anId = fc.nat({ max: 4 * BLOCK_IDS_MAX });
const truth = fc
  .uniqueArray(anId, { maxLength: 60 })
  .map((all) => predicateIds(all.sort((a, b) => a - b)));
const state = fc.record({ truth, due: fc.option(fc.nat(), { nil: undefined }) });
const held = (all: number[], due?: number): StateRow => ({ truth: predicateIds(all), due });

describe('a packed block', () => {
  it('is the block again when it is read, in printable ASCII without a comma', () => {
    const all = fc.uniqueArray(fc.nat({ max: BLOCK_IDS_MAX - 1 }), { minLength: 1 });
    fc.assert(
      fc.property(all, fc.nat({ max: 1e6 }), (within, number) => {
        const ids = within.sort((a, b) => a - b).map((each) => number * BLOCK_IDS_MAX + each);
        const [block] = predicateIds(ids).blocks;
        const packed = packBlock(block!);
        expect(packed).toMatch(/^~?[0-o]+$/);
        expect(unpackBlock(number, packed)).toEqual(block);
      }),
    );
  });

  it.each([
    [4, 256 + 8],
    [1, 172],
  ])('takes a character an id where one in %i holds, and never more than %i', (step, most) => {
    const ids = Array.from({ length: BLOCK_IDS_MAX / step }, (_, at) => at * step);
    const packed = packBlock(predicateIds(ids).blocks[0]!);
    expect(packed.length).toBeLessThanOrEqual(most);
    expect(unpackBlock(0, packed)).toEqual(predicateIds(ids).blocks[0]);
  });

  it.each(['', 'P', ',', 'é', '~', '~0', 'oO0', 'oooooooooooo0', `${'0'.repeat(BLOCK_IDS_MAX)}0`])(
    'is none if it is %.13j',
    (packed) => {
      expect(() => unpackBlock(3, packed)).toThrow();
    },
  );
});

describe('a state', () => {
  it('that says nothing is not stored, and an absent one says nothing', () => {
    expect(stateText({ truth: NO_PREDICATE_IDS, due: undefined })).toBeUndefined();
    expect(unpackState(null)).toEqual({ truth: NO_PREDICATE_IDS, due: undefined });
  });

  it('says when it is due, its blocks, and then these, which may hold a semicolon', () => {
    expect(stateText(held([0, 11]))).toBe(';0;0:');
    expect(stateText(held([], 7))).toBe('7;;');
    expect(stateText(held([0, BLOCK_IDS_MAX + 2, 5 * BLOCK_IDS_MAX], 7))).toBe('7;0,1,5;0,2,0');
    expect(unpackState('7;0,5;0;,0')).toEqual(held([0, 12, 5 * BLOCK_IDS_MAX], 7));
  });

  it('comes out as it went in, whatever was there before', () => {
    fc.assert(
      fc.property(state, state, fc.array(anId), (before, other, toggled) => {
        const shared = [...new Set(toggled)].sort((a, b) => a - b);
        const has = new Set(before.truth);
        const flips = shared.map((each) => flip(each, !has.has(each)));
        for (const after of [
          other,
          { ...other, truth: before.truth },
          { due: before.due, truth: applyFlips(before.truth, flips) },
        ]) {
          const stored = partsIn(stateText(before));
          const { head, blocks } = stateChange(before, after);
          if (head !== undefined) stored.head = head;
          for (const [number, packed] of blocks) {
            if (packed === null) expect(stored.blocks.delete(`${number}`)).toBe(true);
            else stored.blocks.set(`${number}`, packed);
          }
          const expected = partsIn(stateText(after));
          expect(stored).toEqual(expected);
          expect(unpackState(stateText(after))).toEqual(after);
        }
      }),
    );
  });

  it('has one field written by a flip, and none by none', () => {
    const before = held([0, 9, BLOCK_IDS_MAX, 2 * BLOCK_IDS_MAX], 7);
    const flipped = (...flips: number[]) => ({ due: 7, truth: applyFlips(before.truth, flips) });
    expect(stateChange(before, flipped(flip(1, true)))).toEqual({
      head: '7;0,1,2;007',
      blocks: [],
    });
    expect(stateChange(before, flipped(flip(BLOCK_IDS_MAX + 1, true)))).toEqual({
      head: undefined,
      blocks: [[1, '00']],
    });
    expect(stateChange(before, { ...before })).toEqual({ head: undefined, blocks: [] });
  });

  it.each([
    'garbage',
    ';',
    ';0;',
    ';;0',
    ';0,1;0',
    ';0;0,0',
    ';1,0;0,0',
    ';0,1;0,',
    ';x;0',
    ';0;é',
  ])('is none if it is %j', (text) => {
    expect(() => unpackState(text)).toThrow();
    expect(() => statePartsOf(text)).not.toThrow();
  });
});

function partsIn(text: string | undefined): { head: string | null; blocks: Map<string, string> } {
  if (text === undefined) return { head: null, blocks: new Map() };
  const { head, blocks } = statePartsOf(text);
  return { head, blocks: new Map(blocks) };
}
