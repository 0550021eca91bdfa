/**
 * care.test.ts – Which piece is set aside, and after what: only what was noted when its owner died.
 */
import { describe, expect, it } from 'vitest';
import {
  Care,
  deathsBefore,
  type Piece,
  pieceName,
  pieceNames,
  Solo,
} from '../../../src/engine/care.ts';

const LIMITS = { change: 100, fanout: 100, due: 100, backfill: 100, resync: 100 };
const change = (index: number, count = 1): Piece => ({
  kind: 'change',
  entry: '5-0',
  index,
  count,
});
const backfill = (id: string): Piece => ({
  kind: 'backfill',
  request: { objectType: 'contacts', backfill: { predicateIds: [3, 4], cursor: '', visited: 0 } },
  ids: [id],
});

/**
 * What the next owner finds, after owners with these tokens died under these pieces, one after the
 * other.
 */
function afterDeaths(...tried: (readonly Piece[])[]): Care {
  let deaths = new Map<string, number>();
  for (const [at, pieces] of tried.entries()) {
    const care = new Care({ log: '9-0', inbox: '9-0' }, LIMITS, deaths);
    let note = care.note(`owner ${at}`, []);
    for (const piece of pieces) note = care.note(`owner ${at}`, pieceNames(piece));
    deaths = deathsBefore(note, 'the next');
  }
  return new Care({ log: '9-0', inbox: '9-0' }, LIMITS, deaths);
}

const verdict = (care: Care, piece: Piece) => care.verdict([pieceName(piece)], 'it');

describe('a piece', () => {
  it('is tried again after one death under it, and set aside after two: with the one before they are three', () => {
    expect(verdict(afterDeaths([change(3)]), change(3))).toBeUndefined();
    expect(verdict(afterDeaths([change(3)], [change(3)]), change(3))).toBe(
      'the process died 3 times under it',
    );
  });

  it('does not answer for deaths before it was noted, nor under others', () => {
    expect(verdict(afterDeaths([], [], [], []), change(3))).toBeUndefined();
    expect(
      verdict(afterDeaths([change(2), change(3)], [change(3), change(4)]), change(3)),
    ).toBeUndefined();
    expect(afterDeaths([change(2), change(3)]).isSuspect(pieceName(change(2)))).toBe(false);
  });

  it('that was done with is under suspicion no more', () => {
    const care = afterDeaths([change(3)]);
    expect(care.noteWithout(pieceNames(change(3)))).toBeUndefined();
    care.passed('change', pieceNames(change(3)));
    expect(care.isSuspect(pieceName(change(3)))).toBe(false);
  });

  it('that threw is set aside for what it threw', () => {
    const care = new Care({ log: '9-0', inbox: '9-0' }, LIMITS);
    care.threw(pieceNames(change(0, 8)), 'a bug');
    expect(verdict(care, change(3))).toBeUndefined();
    care.threw(pieceNames(change(3)), 'a bug');
    expect(verdict(care, change(3))).toBe('a bug');
    expect(verdict(care, change(4))).toBeUndefined();
  });
});

describe('changes', () => {
  it('are tried a few together, and those under suspicion alone', () => {
    const care = afterDeaths([change(0, 8)]);
    expect(care.changesFrom('5-0', 0)).toMatchObject({ index: 0, count: 1 });
    expect(care.changesFrom('5-0', 8)).toMatchObject({ index: 8, count: 8 });
    care.passed('change', pieceNames(change(0, 4)));
    expect(care.changesFrom('5-0', 0)).toMatchObject({ count: 4 });
  });
});

describe('the predicates of a backfill', () => {
  it('go with the record that they are evaluated for, and with no other', () => {
    const care = new Care(
      { log: '9-0', inbox: '9-0' },
      LIMITS,
      new Map([[pieceName(backfill('a'), 3), 1]]),
    );
    expect(care.noteWithout(pieceNames(backfill('ab')))).toBeDefined();
    expect(care.noteWithout(pieceNames(backfill('a')))).toBeUndefined();
  });
});

describe('a note', () => {
  it('is no death of whoever reads its own', () => {
    const care = new Care({ log: '9-0', inbox: '9-0' }, LIMITS);
    expect(deathsBefore(care.note('me', pieceNames(change(1))), 'me').size).toBe(0);
    expect(deathsBefore(care.note('me', pieceNames(change(1))), 'another').size).toBe(1);
    expect(deathsBefore(undefined, 'me').size).toBe(0);
  });
});

describe('Solo', () => {
  it('lets one at a time be alone', async () => {
    const solo = new Solo();
    const said: string[] = [];
    const run = async (name: string) => {
      const end = await solo.begin();
      said.push(`${name} begins`);
      await null;
      said.push(`${name} ends`);
      end();
    };
    await Promise.all([run('a'), run('b'), run('c')]);
    expect(said).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(solo.over).toBeUndefined();
  });
});
