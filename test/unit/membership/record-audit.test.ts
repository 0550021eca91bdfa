/**
 * record-audit.test.ts – An audit of records names each pair of a record and a segment that is
 * kept wrong, in the place where it is wrong, once; and none that is right, even if it moves while
 * it is compared.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { objectType } from '../../../src/change/object-type.ts';
import { type AuditedSegment, Mismatch } from '../../../src/membership/audit-report.ts';
import type { HeldRecord } from '../../../src/membership/audit-store.ts';
import { RecordAudit } from '../../../src/membership/record-audit.ts';
import { ReferencePrograms } from '../../../src/query/json-logic/reference-program.ts';
import { predicateIds } from '../../../src/query/network/predicate-ids.ts';

const TYPE = objectType('things', 1, {
  attributes: { size: { type: 'number' }, seen: { type: 'datetime' } },
  relationships: {},
});
const DAY_MS = 86_400_000;
const RECORDS = 700;
const LARGE = { and: [{ '>=': [{ var: 'size' }, 300] }] };
const EVEN = { and: [{ '===': [{ '%': [{ var: 'size' }, 2] }, 0] }] };
const LATELY = { and: [{ '<': [{ elapsed: [{ var: 'seen' }, { now: [] }] }, DAY_MS] }] };
/** By slug; the last two are about the same. */
const SEGMENTS: Readonly<Record<string, readonly [predicateId: number, rule: object]>> = {
  large: [3, LARGE],
  even: [40, EVEN],
  lately: [1100, LATELY],
  big: [3, LARGE],
};
const PREDICATES = [3, 40, 1100];

interface Row {
  data: { size: number; seen: string };
  isArchived: boolean;
  truth: Set<number>;
  due: number;
}

/** All that is kept of some records in one partition. */
class Kept {
  readonly rows = new Map<string, Row>();
  readonly unlisted = new Set<string>();
  readonly sets = new Map(PREDICATES.map((each) => [each, new Set<string>()]));
  /** What goes on when the first set is read. */
  meanwhile: () => void = () => {};
  readonly #seen = new Date().toISOString();

  constructor() {
    for (let size = 0; size < RECORDS; size++) this.put(`r${size}`, size);
  }

  put(id: string, size: number, isArchived = false): void {
    const truth = new Set<number>();
    if (!isArchived) {
      truth.add(1100);
      if (size >= 300) truth.add(3);
      if (size % 2 === 0) truth.add(40);
    }
    const due = Date.parse(this.#seen) + DAY_MS;
    this.rows.set(id, { data: { size, seen: this.#seen }, isArchived, truth, due });
    for (const [predicateId, set] of this.sets) {
      if (truth.has(predicateId)) set.add(id);
      else set.delete(id);
    }
  }

  recordIds = async (_: number, __: string, after: string, count: number) =>
    [...this.rows.keys()]
      .filter((id) => !this.unlisted.has(id) && id > after)
      .sort()
      .slice(0, count);

  unlistedIds = async () => [...this.unlisted];

  async *memberIds(_: number, predicateId: number): AsyncGenerator<string[]> {
    this.meanwhile();
    this.meanwhile = () => {};
    const all = [...this.sets.get(predicateId)!];
    // Some are met twice.
    for (let from = 0; from < all.length; from += 100)
      yield all.slice(Math.max(0, from - 5), from + 100);
  }

  held = async (
    _: number,
    __: string,
    ids: readonly string[],
    asked: readonly (readonly number[])[] = [],
  ) => ids.map((id, at) => this.#held(id, asked[at] ?? []));

  #held(id: string, asked: readonly number[]): HeldRecord {
    const row = this.rows.get(id);
    const times = { version: 1, createdAt: 0, updatedAt: 0, fits: 1 };
    return {
      id,
      record: row && {
        data: row.data,
        ...times,
        ...(row.isArchived ? { archivedAt: 1 } : {}),
      },
      state: {
        truth: predicateIds([...(row?.truth ?? [])].sort((a, b) => a - b)),
        due: row?.due,
      },
      isMember: asked.map((predicateId) => this.sets.get(predicateId)!.has(id)),
    };
  }
}

interface Found {
  readonly audit: RecordAudit;
  /** `slug place +id` for what is there and should not be, `-id` for what is missing. */
  readonly wrong: readonly string[];
}

async function audited(kept: Kept, tableBits?: number): Promise<Found> {
  const segments = Object.entries(SEGMENTS).map(
    ([slug, [predicateId, rule]]) =>
      ({
        segment: { slug, object_type: 'things', json_logic: rule, predicateId },
        predicateId,
        isRelated: false,
        mismatches: { set: new Mismatch(), state: new Mismatch() },
      }) as unknown as AuditedSegment,
  );
  const context = {
    ...{ memberships: kept, rows: kept, timeZone: 'UTC' },
    ...{ rest: () => undefined, onVisit: () => {} },
    ...(tableBits === undefined ? {} : { tableBits }),
  };
  const audit = new RecordAudit(context, TYPE, segments, kept.rows.size);
  await audit.walk(0);
  const wrong = segments.flatMap(({ segment: { slug }, mismatches }) =>
    (['set', 'state'] as const).flatMap((place) => {
      const { left, right } = mismatches[place];
      expect(left.first.length + right.first.length).toBe(mismatches[place].total);
      return [
        ...left.first.map((id) => `${slug} ${place} +${id}`),
        ...right.first.map((id) => `${slug} ${place} -${id}`),
      ];
    }),
  );
  return { audit, wrong: wrong.sort() };
}

interface Damage {
  readonly name: string;
  readonly plant: (kept: Kept) => void;
  readonly wrong: readonly string[];
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'a member is lost',
    plant: ({ sets }) => sets.get(40)!.delete('r10'),
    wrong: ['even set -r10'],
  },
  {
    name: 'a member of two segments is one too many',
    plant: ({ sets }) => sets.get(3)!.add('r299'),
    wrong: ['big set +r299', 'large set +r299'],
  },
  {
    name: 'a member is no record',
    plant: ({ sets }) => sets.get(40)!.add('nobody'),
    wrong: ['even set +nobody'],
  },
  {
    name: 'an archived record is a member',
    plant: (kept) => {
      kept.put('r8', 8, true);
      kept.sets.get(40)!.add('r8');
    },
    wrong: ['even set +r8'],
  },
  {
    name: 'a state row says too much',
    plant: ({ rows }) => rows.get('r7')!.truth.add(40),
    wrong: ['even state +r7'],
  },
  {
    name: 'a state row says too little, of a segment that time moves',
    plant: ({ rows }) => rows.get('r699')!.truth.delete(1100),
    wrong: ['lately state -r699'],
  },
  {
    name: 'a set and a state row are wrong together',
    plant: ({ rows, sets }) => {
      rows.get('r12')!.truth.delete(40);
      sets.get(40)!.delete('r12');
    },
    wrong: ['even set -r12', 'even state -r12'],
  },
  {
    name: 'a record that is not listed is no member',
    plant: ({ unlisted, sets }) => {
      unlisted.add('r14');
      sets.get(40)!.delete('r14');
      unlisted.add('r16');
    },
    wrong: ['even set -r14'],
  },
  {
    name: 'a set is wrong while its records move',
    plant: (kept) => {
      kept.meanwhile = () => kept.put('r20', 333);
      kept.sets.get(40)!.delete('r10');
      kept.sets.get(3)!.delete('r20');
    },
    wrong: ['even set -r10'],
  },
];

describe('an audit of records', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('finds nothing where nothing is wrong, and asks json-logic-js of every segment', async () => {
    const asked = vi.spyOn(ReferencePrograms.prototype, 'holds');
    const { audit, wrong } = await audited(new Kept());
    expect(wrong).toEqual([]);
    expect(audit.evaluations).toBe(4 * RECORDS);
    expect(audit.memberships).toBe(2 * 400 + 350 + RECORDS);
    // Few records: each is asked about all three.
    expect(audit.checks).toBe(3 * RECORDS);
    expect(asked).toHaveBeenCalledTimes(6 * RECORDS);
  });

  for (const { name, plant, wrong } of DAMAGES)
    it(`finds it where ${name}`, async () => {
      const [whole, parts] = [new Kept(), new Kept()];
      plant(whole);
      plant(parts);
      expect((await audited(whole)).wrong).toEqual(wrong);
      // In stretches of 33 records, and of one.
      expect((await audited(parts, 100)).wrong).toEqual(wrong);
    });

  it('finds nothing where records come, move and go while they are compared', async () => {
    const kept = new Kept();
    kept.meanwhile = () => {
      kept.put('r20', 333);
      kept.put('r400', 1);
      kept.put('r401', 401, true);
      kept.put('new', 500);
      kept.rows.delete('r402');
      for (const set of kept.sets.values()) set.delete('r402');
    };
    expect((await audited(kept)).wrong).toEqual([]);
  });

  it('ends where the reference is not what json-logic-js says', async () => {
    const { holds } = ReferencePrograms.prototype;
    vi.spyOn(ReferencePrograms.prototype, 'holds').mockImplementation(function (
      this: ReferencePrograms,
      at,
    ) {
      return at === 2 ? false : holds.call(this, at);
    });
    await expect(audited(new Kept())).rejects.toThrow(/'lately' is json-logic-js of record/);
  });
});
