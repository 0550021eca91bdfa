/**
 * kept.ts – Reads all that a deployment keeps in Redis as a stranger would, and says what of it no
 * record bears out.
 *
 * Keeps true: it shares no code with the engine or the audit but the reference (json-logic-js over
 * nested documents): rows are parsed here a second time, names of keys are read as they are
 * documented.
 */
import type { Redis } from 'ioredis';
import { objectType } from '../../src/change/object-type.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import {
  document,
  type Graph,
  type GraphRecord,
} from '../../src/query/json-logic/reference-document.ts';

/** Sums are kept in whole parts of this. */
const SUM_UNITS = 1e12;
const TOMBSTONE_MS = 7 * 24 * 3600 * 1000;

interface Stored {
  readonly data: Record<string, unknown>;
  readonly isLive: boolean;
  readonly exists: boolean;
  readonly deletedAt: number | undefined;
  readonly partition: number;
}

interface PredicateId {
  readonly object_type: string;
  readonly status: string;
  readonly shared?: {
    readonly edge: string;
    readonly edgeId: number;
    readonly direction: 'in' | 'out';
    readonly attribute?: string;
    readonly keeps?: string;
    readonly definition?: {
      readonly holder: string;
      readonly target: string;
      readonly key: string;
      readonly cardinality: string;
    };
  };
  readonly reads?: readonly number[];
}

interface Filter {
  readonly slug: string;
  readonly object_type: string;
  readonly json_logic: unknown;
  readonly predicateId: number | null;
  readonly pending: number | null;
  readonly columns?: unknown;
}

interface Aggregate {
  readonly counts: Record<string, number>;
  readonly sums: Record<string, [string, number]>;
  readonly lows: Record<string, number>;
  readonly highs: Record<string, number>;
}

/** Predicates whose ids begin at a multiple of this lie in one block. */
const BLOCK = 1024;

/**
 * After a `~` the bits of predicate ids, six a character. Else gaps between them in base 32, low
 * digit first: '0'…'O' end a number, 'P'…'o' carry on.
 */
function blockIn(number: number, packed: string): Set<number> {
  const held = new Set<number>();
  const digits = [...packed.replace('~', '')].map((character) => character.charCodeAt(0) - 48);
  if (packed.startsWith('~')) {
    for (let bit = 0; bit < 6 * digits.length; bit++)
      if ((digits[Math.floor(bit / 6)]! >> (bit % 6)) % 2 === 1) held.add(number * BLOCK + bit);
    return held;
  }
  let [previous, gap, scale] = [number * BLOCK - 1, 0, 1];
  for (const digit of digits) {
    gap += (digit % 32) * scale;
    scale *= 32;
    if (digit >= 32) continue;
    previous += gap + 1;
    held.add(previous);
    [gap, scale] = [0, 1];
  }
  return held;
}

/** `due;numbers;block`, of which the last may hold any sign. */
function stateIn(state: string): { dueMs: string; numbers: string[]; packed: string } {
  const [, dueMs = '', list = '', packed = ''] = /^(\d*);([\d,]*);(.*)$/.exec(state) ?? [];
  return { dueMs, numbers: list === '' ? [] : list.split(','), packed };
}

/** Every block that a state names, `of` being those beside the first. */
function truthIn(state: string, id: string, of: ReadonlyMap<string, string>): Set<number> {
  const { numbers, packed } = stateIn(state);
  const blocks = numbers.map((number, at) =>
    blockIn(Number(number), at === 0 ? packed : (of.get(`${number}:${id}`) ?? '')),
  );
  return new Set(blocks.flatMap((block) => [...block]));
}

/** Faults in words, none if all is as the records say. Caller: nothing is under way. */
export async function faultsIn(
  redis: Redis,
  prefix: string,
  nowMs = Date.now(),
): Promise<string[]> {
  const reader = new Reader(redis, prefix);
  await reader.read();
  return reader.judge(nowMs);
}

class Reader {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #hashes = new Map<string, Map<string, string>>();
  readonly #sets = new Map<string, Set<string>>();
  readonly #scored = new Map<string, Map<string, number>>();
  readonly #faults: string[] = [];
  readonly #records = new Map<string, Map<string, Stored>>();
  readonly #truths = new Map<string, Set<number>>();
  #predicateIds = new Map<number, PredicateId>();
  #partitions = 0;
  #nextPredicateId = 0;
  #graph!: Graph;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async read(): Promise<void> {
    const keys = await this.#redis.keys(`${this.#prefix}:*`);
    await Promise.all(keys.map((key) => this.#readKey(key)));
    const meta = this.#hash('{catalog}:meta');
    this.#partitions = Number(meta.get('partitions'));
    this.#nextPredicateId = Number(meta.get('next_predicate_id'));
    this.#predicateIds = new Map(
      [...this.#hash('{catalog}:predicates')].map(([predicateId, json]) => [
        Number(predicateId),
        JSON.parse(json),
      ]),
    );
  }

  async #readKey(key: string): Promise<void> {
    const name = key.slice(this.#prefix.length + 1);
    const type = await this.#redis.type(key);
    if (type === 'hash')
      this.#hashes.set(name, new Map(Object.entries(await this.#redis.hgetall(key))));
    if (type === 'set') this.#sets.set(name, new Set(await this.#redis.smembers(key)));
    if (type === 'zset')
      this.#scored.set(name, scoredOf(await this.#redis.zrange(key, '0', '-1', 'WITHSCORES')));
  }

  judge(nowMs: number): string[] {
    this.#readRecords();
    this.#judgeFilters(nowMs);
    for (let partition = 0; partition < this.#partitions; partition++)
      this.#judgePartition(partition);
    for (const [predicateId, { shared }] of this.#predicateIds)
      if (shared?.edgeId === predicateId) this.#judgeEdge(predicateId);
    this.#judgeNames();
    this.#judgeSlugs();
    return this.#faults;
  }

  #hash(name: string): Map<string, string> {
    return this.#hashes.get(name) ?? new Map();
  }

  #zset(name: string): Map<string, number> {
    return this.#scored.get(name) ?? new Map();
  }

  #fault(what: string): void {
    this.#faults.push(what);
  }

  #same(what: string, found: Iterable<string>, expected: Iterable<string>): void {
    const [a, b] = [new Set(found), new Set(expected)];
    const extra = [...a].filter((one) => !b.has(one)).sort();
    const missing = [...b].filter((one) => !a.has(one)).sort();
    if (extra.length + missing.length > 0)
      this.#fault(`${what}: extra=[${extra}] missing=[${missing}]`);
  }

  #readRecords(): void {
    const types = new Map(
      [...this.#hash('{catalog}:object-types')].map(([name, json]) => {
        const stored = JSON.parse(json);
        return [name, objectType(name, stored.revision, stored)];
      }),
    );
    for (const name of types.keys()) {
      const all = new Map<string, Stored>();
      this.#records.set(name, all);
      for (let partition = 0; partition < this.#partitions; partition++) {
        for (const [id, packed] of this.#hash(`{${partition}}:records:${name}`)) {
          const { d, a, x } = JSON.parse(packed);
          const exists = x === undefined;
          all.set(id, {
            data: d,
            exists,
            isLive: exists && a === undefined,
            deletedAt: x,
            partition,
          });
          const state = this.#hash(`{${partition}}:state:${name}`).get(id) ?? ';;';
          const blocks = this.#hash(`{${partition}}:blocks:${name}`);
          this.#truths.set(`${name}:${id}`, truthIn(state, id, blocks));
        }
      }
    }
    const live = (name: string): GraphRecord[] =>
      [...(this.#records.get(name) ?? [])].flatMap(([id, { data, isLive }]) =>
        isLive ? [{ id, data }] : [],
      );
    const lists = new Map([...types.keys()].map((name) => [name, live(name)]));
    this.#graph = { types, records: (name) => lists.get(name) ?? [] };
  }

  #filters(): Filter[] {
    const all = [
      ...this.#hash('{catalog}:segments').values(),
      ...this.#hash('{catalog}:views').values(),
    ];
    return all
      .map((json) => JSON.parse(json) as Filter)
      .filter(({ json_logic: rule }) => rule !== undefined);
  }

  #judgeFilters(nowMs: number): void {
    for (const {
      slug,
      object_type: type,
      json_logic: rule,
      predicateId,
      pending,
    } of this.#filters()) {
      if (predicateId === null || pending !== null || !this.#predicateIds.has(predicateId)) {
        this.#fault(`${slug} is answered for by predicate id ${predicateId}, pending ${pending}`);
        continue;
      }
      const expected = [...this.#graph.records(type)]
        .filter((record) => holds(rule, document(type, record, this.#graph), nowMs))
        .map(({ id }) => id);
      const members = [...Array(this.#partitions).keys()].flatMap((partition) => [
        ...(this.#sets.get(`{${partition}}:segment:${predicateId}`) ?? []),
      ]);
      this.#same(`members of ${slug}`, members, expected);
      if (new Set(members).size !== members.length)
        this.#fault(`a member of ${slug} lies in two partitions`);
      const held = [...this.#records.get(type)!.keys()].filter((id) =>
        this.#truths.get(`${type}:${id}`)!.has(predicateId),
      );
      this.#same(`state rows of ${slug}`, held, expected);
    }
  }

  #judgePartition(partition: number): void {
    const at = `{${partition}}:`;
    const counts = this.#hash(`${at}counts`);
    this.#same(`counts of ${partition}`, counts.keys(), [...this.#predicateIds.keys()].map(String));
    for (const [predicateId, count] of counts) {
      const size = this.#sets.get(`${at}segment:${predicateId}`)?.size ?? 0;
      if (Number(count) !== size)
        this.#fault(`count of ${predicateId} in ${partition}: ${count}, members: ${size}`);
    }
    const due = new Map<string, number>();
    const tombstones = new Map<string, number>();
    for (const [type, records] of this.#records) {
      const here = [...records].filter(([, record]) => record.partition === partition);
      const listed = this.#zset(`${at}ids:${type}`);
      this.#same(
        `ids of ${type} in ${partition}`,
        listed.keys(),
        here.filter(([, { exists }]) => exists).map(([id]) => id),
      );
      for (const [id, score] of listed)
        if (score !== 0) this.#fault(`the id ${id} has the score ${score}`);
      for (const [id, { deletedAt }] of here)
        if (deletedAt !== undefined) tombstones.set(`${type}:${id}`, deletedAt + TOMBSTONE_MS);
      const states = this.#hash(`${at}state:${type}`);
      for (const [id, state] of states) this.#judgeState(type, id, state, due);
      const named = [...states].flatMap(([id, state]) =>
        stateIn(state)
          .numbers.slice(1)
          .map((number) => `${number}:${id}`),
      );
      this.#same(
        `blocks of ${type} in ${partition}`,
        this.#hash(`${at}blocks:${type}`).keys(),
        named,
      );
    }
    this.#sameScores(`due of ${partition}`, this.#zset(`${at}due`), due);
    this.#sameScores(`tombstones of ${partition}`, this.#zset(`${at}tombstones`), tombstones);
  }

  #judgeState(type: string, id: string, state: string, due: Map<string, number>): void {
    if (!this.#records.get(type)!.get(id)?.isLive)
      this.#fault(`there is a state row of ${type}:${id}, which is not live`);
    const { dueMs } = stateIn(state);
    if (dueMs !== '') due.set(`${type}:${id}`, Number(dueMs));
    for (const predicateId of this.#truths.get(`${type}:${id}`) ?? []) {
      const stored = this.#predicateIds.get(predicateId);
      if (predicateId >= this.#nextPredicateId || (stored && stored.object_type !== type))
        this.#fault(`the state row of ${type}:${id} names ${predicateId}`);
    }
  }

  #sameScores(
    what: string,
    found: ReadonlyMap<string, number>,
    expected: ReadonlyMap<string, number>,
  ): void {
    const texts = (map: ReadonlyMap<string, number>) =>
      [...map].map(([member, score]) => `${member}=${score}`);
    this.#same(what, texts(found), texts(expected));
  }

  // ── relationships ──

  #judgeEdge(edgeId: number): void {
    const { edge, definition } = this.#predicateIds.get(edgeId)!.shared!;
    const shares = [...this.#predicateIds].filter(([, { shared }]) => shared?.edgeId === edgeId);
    const up = shares.filter(([, { shared }]) => shared!.direction === 'in');
    const down = shares.filter(([, { shared }]) => shared!.direction === 'out');
    const read = new Set([...this.#predicateIds.values()].flatMap(({ reads = [] }) => reads));
    const isRead = up.some(([predicateId]) => read.has(predicateId));
    const related = new Map<string, Record<string, string>>();
    for (let partition = 0; partition < this.#partitions; partition++) {
      const at = `{${partition}}:`;
      const byTarget = this.#holders(definition!, edgeId, partition);
      const rows = this.#hash(`${at}neighbours:${edgeId}`);
      this.#same(`neighbours over ${edge} in ${partition}`, rows.keys(), byTarget.keys());
      for (const [target, ids] of byTarget) {
        const held = this.#zset(`${at}holders:${edgeId}:${target}`);
        this.#sameScores(
          `holders of ${target} in ${partition}`,
          held,
          new Map(ids.map((id) => [id, 0])),
        );
        const { local, shared } = JSON.parse(
          rows.get(target) ?? '{"local":{"counts":{},"sums":{},"lows":{},"highs":{}}}',
        );
        const text = this.#aggregateText(definition!.holder, ids, up, `${at}values`, target);
        const stored = storedText(
          local,
          up.map(([predicateId]) => predicateId),
        );
        if (stored !== text)
          this.#fault(`${target} over ${edge} in ${partition}: ${stored}, it should be ${text}`);
        const shown = this.#shownText(definition!.target, target, down);
        const known =
          shared &&
          shownText(
            shared,
            down.map(([predicateId]) => predicateId),
          );
        if (known !== shown)
          this.#fault(`${target} shows ${shown} over ${edge}, ${partition} knows ${known}`);
        related.set(target, { ...related.get(target), [partition]: isRead ? text : 'held' });
      }
    }
    this.#judgeRelated(
      edgeId,
      edge,
      up.map(([predicateId]) => predicateId),
      isRead,
      related,
    );
  }

  #judgeRelated(
    edgeId: number,
    edge: string,
    up: readonly number[],
    isRead: boolean,
    expected: ReadonlyMap<string, Record<string, string>>,
  ): void {
    const found = new Map<string, string>();
    for (let partition = 0; partition < this.#partitions; partition++) {
      for (const [target, packed] of this.#hash(`{${partition}}:related:${edgeId}`)) {
        if (partitionOf(target, this.#partitions) !== partition)
          this.#fault(`${target} is related in ${partition}`);
        const parts = Object.entries(JSON.parse(packed) as Record<string, Aggregate>);
        found.set(
          target,
          JSON.stringify(
            Object.fromEntries(
              parts.map(([from, part]) => [from, isRead ? storedText(part, up) : 'held']),
            ),
          ),
        );
      }
    }
    const texts = (all: Iterable<readonly [string, string]>) =>
      [...all].map(([target, text]) => `${target}: ${text}`);
    this.#same(
      `related over ${edge}`,
      texts(found),
      texts([...expected].map(([target, row]) => [target, JSON.stringify(row)] as const)),
    );
  }

  #holders(
    { holder, key, cardinality }: { holder: string; key: string; cardinality: string },
    edgeId: number,
    partition: number,
  ): Map<string, string[]> {
    const byTarget = new Map<string, string[]>();
    for (const [id, { data, isLive, partition: at }] of this.#records.get(holder)!) {
      if (!isLive || at !== partition) continue;
      if (!this.#truths.get(`${holder}:${id}`)!.has(edgeId))
        this.#fault(`${holder}:${id} is not registered`);
      const value = data[key];
      const targets =
        cardinality === 'one' ? [value] : Array.isArray(value) ? [...new Set(value)] : [];
      for (const target of targets)
        if (typeof target === 'string' && target !== '')
          byTarget.set(target, [...(byTarget.get(target) ?? []), id]);
    }
    return byTarget;
  }

  #aggregateText(
    holder: string,
    ids: readonly string[],
    up: readonly (readonly [number, PredicateId])[],
    valuesAt: string,
    target: string,
  ): string {
    const parts = up.map(([predicateId, { shared }]) => {
      const matching = ids.filter((id) => this.#truths.get(`${holder}:${id}`)!.has(predicateId));
      const { attribute, keeps } = shared!;
      const numbers = matching.flatMap((id): [string, number][] => {
        const value =
          attribute === undefined ? undefined : this.#records.get(holder)!.get(id)!.data[attribute];
        return typeof value === 'number' ? [[id, value]] : [];
      });
      if (keeps === 'extremes')
        this.#sameScores(
          `values of ${target}`,
          this.#zset(`${valuesAt}:${predicateId}:${target}`),
          new Map(numbers),
        );
      const values = numbers.map(([, value]) => value);
      const sum = values.reduce((a, b) => a + b, 0);
      return keeps === 'extremes'
        ? [
            predicateId,
            matching.length,
            values.length > 0 ? [Math.min(...values), Math.max(...values)] : null,
          ]
        : [predicateId, matching.length, values.length > 0 ? [sum, values.length] : null];
    });
    return JSON.stringify(parts.filter(([, count]) => count !== 0));
  }

  #shownText(
    type: string,
    target: string,
    down: readonly (readonly [number, PredicateId])[],
  ): string | null {
    const record = this.#records.get(type)?.get(target);
    if (!record?.isLive) return null;
    const held = down.filter(([predicateId]) =>
      this.#truths.get(`${type}:${target}`)!.has(predicateId),
    );
    return JSON.stringify(
      held.map(([predicateId, { shared }]) => {
        const value = shared!.attribute === undefined ? undefined : record.data[shared!.attribute];
        return [predicateId, typeof value === 'number' ? value : null];
      }),
    );
  }

  /** Every key is of a type, a predicate id, an edge id or a target that there is. */
  #judgeNames(): void {
    for (const name of [...this.#hashes.keys(), ...this.#sets.keys(), ...this.#scored.keys()]) {
      const [, kind = '', of = '', target = ''] = /^\{\d+\}:(\w+):([^:]*):?(.*)$/.exec(name) ?? [];
      const shared = this.#predicateIds.get(Number(of))?.shared;
      const isThere = {
        segment: () => this.#predicateIds.has(Number(of)) && !shared,
        holders: () => shared?.edgeId === Number(of) && this.#pointsAt(shared.definition!, target),
        values: () => shared?.keeps === 'extremes',
        neighbours: () => shared?.edgeId === Number(of),
        related: () => shared?.edgeId === Number(of),
        ids: () => this.#records.has(of),
        state: () => this.#records.has(of),
        blocks: () => this.#records.has(of),
        records: () => this.#records.has(of),
      }[kind];
      if (isThere && !isThere()) this.#fault(`the key ${name} is of nothing`);
    }
  }

  #judgeSlugs(): void {
    const expected = [...this.#hash('{catalog}:segments')].flatMap(([slug, json]) => {
      const { predicateId } = JSON.parse(json) as Filter;
      return predicateId === null ? [] : [`${slug}=${predicateId}`];
    });
    const found = [...this.#hash('{catalog}:slugs')].map(
      ([slug, predicateId]) => `${slug}=${predicateId}`,
    );
    this.#same('slugs', found, expected);
  }

  #pointsAt({ holder, key }: { holder: string; key: string }, target: string): boolean {
    const values = [...this.#records.get(holder)!.values()].flatMap(({ data }) => data[key]);
    return values.includes(target);
  }
}

/** An aggregate in the order of the exports, as the reader writes one down. */
function storedText({ counts, sums, lows, highs }: Aggregate, up: readonly number[]): string {
  const parts = up.map((predicateId) => {
    const sum = sums[predicateId];
    const numbers =
      lows[predicateId] !== undefined || highs[predicateId] !== undefined
        ? [lows[predicateId], highs[predicateId]]
        : sum
          ? [Number(sum[0]) / SUM_UNITS, sum[1]]
          : null;
    return [predicateId, counts[predicateId] ?? 0, numbers];
  });
  return JSON.stringify(parts.filter(([, count]) => count !== 0));
}

function shownText(
  { truth, values }: { truth: number[]; values: Record<string, number> },
  down: readonly number[],
): string {
  return JSON.stringify(
    truth.filter((each) => down.includes(each)).map((each) => [each, values[each] ?? null]),
  );
}

function scoredOf(flat: readonly string[]): Map<string, number> {
  const scored = new Map<string, number>();
  for (let at = 0; at + 1 < flat.length; at += 2) scored.set(flat[at]!, Number(flat[at + 1]));
  return scored;
}
