/**
 * canaries.test.ts – The simulator notices when a guard is missing, or when a participant of the
 * core does not recover or is not told of commits: each is left out in turn, and a seed has to
 * fail.
 *
 * Without the token nothing wrong is stored, for the commit number alone refuses the second of two
 * owners; what shows is that the rightful one is refused.
 */
import { describe, expect, it } from 'vitest';
import type { Participants } from '../../src/engine/participants.ts';
import type { ReadRows } from '../../src/engine/row-cache.ts';
import type { Row } from '../../src/engine/step.ts';
import { isWhole } from '../support/whole.ts';
import type { CheckName } from './check-failure.ts';
import { ALL_GUARDS, type Guards } from './faults.ts';
import { seedsToFailure } from './simulate.ts';
import { COMPANY } from './subjects.ts';

const SEEDS_MAX = 1000;

/**
 * What is switched off, what comes of it, and the check that has to notice: no other will do, nor a
 * fault of the simulator.
 */
const CANARIES: readonly (readonly [keyof Guards, string, CheckName])[] = [
  ['token', 'commits are taken from those who do not hold the partition', 'owner refused'],
  ['commitNumber', 'a commit is carried out as often as it arrives', 'entries grow'],
  ['lastPlusOne', 'a delivery is appended as often as it arrives', 'records'],
  [
    'adoptBeforeApply',
    'messages are applied at a catalog older than their sender knew',
    'neighbours',
  ],
  [
    'epochs',
    'messages of owners that are no longer in office are taken for those of the one that is',
    'related',
  ],
  [
    'resynchronization',
    'what a partition forgot, or was never told after all, is not said anew',
    'related',
  ],
  [
    'fireBeforeChange',
    'a change of a record that is due sets its timer anew, and what time had made ' +
      'of it is never found out',
    'due',
  ],
  ['everyBlock', 'of the blocks of a record that a commit changes one is written', 'truths'],
  [
    'countsByNonce',
    'a reader takes the counts that it knows for those of another commit, which has come to the ' +
      'same number after a roll-back',
    'looks',
  ],
  ['wholeHolders', 'news of a target that has many holders reaches the first of them', 'members'],
  ['freshHolders', 'news reaches the holders of a while ago', 'members'],
  ['restOfChunk', 'holders for which a batch has no room are taken for visited', 'members'],
  ['restOfNews', 'news for which a batch has no room is forgotten', 'members'],
];

/**
 * Where it takes many seeds until one fails, the short run begins shortly before that one. It is
 * another one whenever what is drawn changes: then this is only slower.
 */
const FIRST_SEEDS: Partial<Record<keyof Guards | LeftOut, number>> = {
  adoptBeforeApply: 43,
  epochs: 310,
  countsByNonce: 13,
  wholeHolders: 12,
  freshHolders: 45,
  restOfChunk: 65,
  restOfNews: 115,
  'intake.recover': 4,
  'timers.committed': 8,
  'dueSweep.recover': 5,
  'dueSweep.committed': 5,
  'resyncs.recover': 22,
};
const firstSeed = (off: keyof Guards | LeftOut) => (isWhole ? 1 : FIRST_SEEDS[off]);

describe('the simulator notices when', { timeout: 600_000 }, () => {
  it.each(CANARIES)('%s is off: %s', async (guard, _, check) => {
    const guards = { ...ALL_GUARDS, [guard]: false };
    const noticed = seedsToFailure(COMPANY, { guards }, SEEDS_MAX, check, firstSeed(guard));
    await expect(noticed).resolves.toBeGreaterThan(0);
  });
});

/** A part of a participant that may be left out, as `participant.part`. */
type LeftOut = {
  [Name in keyof Participants]: `${Name}.${Part<Participants[Name]>}`;
}[keyof Participants];

type Part<Of> = Extract<keyof Of, 'recover' | 'takeUp' | 'committed'>;

/** The check that has to notice. A new participant is named here, or this is not compiled. */
const LEFT_OUT: Readonly<Record<LeftOut, CheckName>> = {
  'intake.recover': 'records',
  'intake.committed': 'rest',
  'fanouts.takeUp': 'members',
  'fanouts.committed': 'rest',
  'builds.recover': 'counts',
  'builds.committed': 'rest',
  'feed.recover': 'feed',
  'feed.committed': 'feed',
  'timers.committed': 'members',
  'dueSweep.recover': 'given up',
  'dueSweep.committed': 'rest',
  'edgeSweep.recover': 'given up',
  'edgeSweep.committed': 'rest',
  'resyncs.recover': 'related',
  'resyncs.committed': 'rest',
  'channels.recover': 'entries grow',
  'channels.committed': 'entries grow',
  'cache.committed': 'flips',
};

describe('the simulator notices without', { timeout: 600_000 }, () => {
  it.each(Object.entries(LEFT_OUT))('%s: %s', async (leftOut, check) => {
    const [name, part] = leftOut.split('.') as [keyof Participants, string];
    // What is iterated over comes to nothing, too.
    const change = (participants: Participants) =>
      Object.assign(participants[name], { [part]: () => [] });
    const first = firstSeed(leftOut as LeftOut);
    const noticed = seedsToFailure(COMPANY, { change }, SEEDS_MAX, check, first);
    await expect(noticed).resolves.toBeGreaterThan(0);
  });
});

/** What keeps slices exact, and what comes of it without. */
const SLICED: readonly (readonly [string, (participants: Participants) => void, CheckName])[] = [
  [
    'rows that pass by renew those that are cached',
    ({ cache }) => {
      const { load, committed } = cache;
      let isPassing = false;
      cache.load = (touched, loading = {}) => {
        isPassing = loading.isPassing === true;
        return load.call(cache, touched, loading);
      };
      cache.committed = (made) => isPassing || committed.call(cache, made);
    },
    'flips',
  ],
  [
    'rows that were read with the ids of a backfill are those of this turn',
    ({ builds }) => {
      const { begin } = builds;
      const kept = new Map<string, Row | undefined>();
      builds.begin = () => {
        for (const [id, row] of builds.read?.rows ?? []) kept.set(id, row);
        begin.call(builds);
      };
      const read = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(builds), 'read')!.get!;
      Object.defineProperty(builds, 'read', {
        get: () => {
          const now = read.call(builds) as ReadRows | undefined;
          return now && { ...now, rows: new Map([...now.rows, ...kept]) };
        },
      });
    },
    'flips',
  ],
];

describe('the simulator notices unless', { timeout: 600_000 }, () => {
  it.each(SLICED)('%s', async (_, change, check) => {
    await expect(seedsToFailure(COMPANY, { change }, SEEDS_MAX, check)).resolves.toBeGreaterThan(0);
  });
});

describe('a canary is not satisfied by', () => {
  const off = { guards: { ...ALL_GUARDS, token: false } };

  it('another check than the one that it names', async () => {
    await expect(seedsToFailure(COMPANY, off, 3, 'counts')).rejects.toThrow(
      "3 seeds, and the check 'counts' noticed nothing; others did: owner refused",
    );
  });

  it('a simulation in which all is well', async () => {
    await expect(seedsToFailure(COMPANY, {}, 2, 'records')).rejects.toThrow('others did: none');
  });

  it('a fault of the simulator', async () => {
    const broken = {
      ...COMPANY,
      change: () => {
        throw new TypeError('a mistake in the test');
      },
    };
    await expect(seedsToFailure(broken, off, 3, 'owner refused')).rejects.toThrow(
      'a mistake in the test',
    );
  });
});
