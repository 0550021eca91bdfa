/**
 * store.ts – The Redis of the simulator: what the engine stores, with the rules of its two scripts.
 *
 * Keeps true: a commit (commit-batch.lua) and a delivery (deliver-entry.lua) are atomic; their
 * checks come before their writes, and each check can be switched off. A member that enters a set
 * that holds it, or leaves one that does not, is a failure at once.
 */
import type { ChannelPosition } from '../../src/membership/channel-position.ts';
import type { PartitionKeys } from '../../src/redis/keys.ts';
import { packChannelPosition, readChannelPosition } from '../../src/redis/rows/channel-position.ts';
import { CheckFailure } from './check-failure.ts';
import type { Guards } from './faults.ts';

export type CommitAnswer = 'ok' | 'duplicate' | 'fenced' | 'rolled-back';
export type DeliverAnswer = 'appended' | 'duplicate' | 'gap' | 'old';

type StreamEntry = readonly [id: string, fields: readonly string[]];

interface Stream {
  entries: StreamEntry[];
  last: string;
}

type Argument = string | number;

export interface PartitionContent {
  readonly hashes: ReadonlyMap<string, Map<string, string>>;
  readonly sorted: ReadonlyMap<string, Map<string, number>>;
  readonly sets: ReadonlyMap<string, Set<string>>;
  readonly streams: ReadonlyMap<string, Stream>;
}

export class Store {
  /** Who holds each partition: its token, by the key of the lease. */
  readonly leases = new Map<string, string>();
  readonly #hashes = new Map<string, Map<string, string>>();
  readonly #sorted = new Map<string, Map<string, number>>();
  readonly #sets = new Map<string, Set<string>>();
  readonly #streams = new Map<string, Stream>();
  readonly #guards: Guards;
  #ids = 0;

  constructor(guards: Guards) {
    this.#guards = guards;
  }

  // ——— Scripts ———

  commit(
    keys: readonly string[],
    [token, before, number, nonce, , ...commands]: readonly Argument[],
  ): CommitAnswer {
    const [owner, metaKey] = keys as readonly [string, string];
    if (this.#guards.token && this.leases.get(owner) !== token) return 'fenced';
    const meta = this.hash(metaKey);
    const stored = Number(meta.get('number') ?? -1);
    if (this.#guards.commitNumber) {
      if (stored === number && meta.get('nonce') === nonce) return 'duplicate';
      if (stored < Number(before)) return 'rolled-back';
      if (stored > Number(before)) return 'fenced';
    }
    for (let at = 0; at < commands.length; ) {
      const [verb, key, count] = commands.slice(at, at + 3) as [string, number, number];
      this.#write(verb, keys[key - 1]!, commands.slice(at + 3, at + 3 + count), keys);
      at += 3 + count;
    }
    meta.set('number', String(number)).set('nonce', String(nonce));
    return 'ok';
  }

  deliver(
    stream: string,
    delivered: string,
    source: string,
    from: ChannelPosition & { base: number },
    fields: readonly string[],
  ): DeliverAnswer {
    const { epoch, sequence, base } = from;
    const stored = this.hash(delivered).get(source);
    const known = stored ? readChannelPosition(stored) : { epoch, sequence: 0 };
    if (epoch < known.epoch) return 'old';
    const knownSequence = Math.max(base, epoch > known.epoch ? 0 : known.sequence);
    if (this.#guards.lastPlusOne) {
      if (sequence <= knownSequence) return 'duplicate';
      if (sequence > knownSequence + 1) return 'gap';
    }
    this.#append(stream, `${++this.#ids}-0`, fields);
    this.hash(delivered).set(source, packChannelPosition(from));
    return 'appended';
  }

  async beginEpoch([
    ,
    key,
    source,
    expected,
    epoch,
    sequence,
  ]: readonly Argument[]): Promise<string> {
    const delivered = this.hash(String(key));
    if ((delivered.get(String(source)) ?? '') !== expected) return 'moved';
    delivered.set(String(source), `${epoch} ${sequence}`);
    return 'begun';
  }

  // ——— Fail-overs ———

  /** All that a partition has stored now, but for its lease. */
  remember(partition: PartitionKeys): PartitionContent {
    const isOwn = (key: string) => key.startsWith(partition.base);
    return structuredClone({
      hashes: pick(this.#hashes, isOwn),
      sorted: pick(this.#sorted, isOwn),
      sets: pick(this.#sets, isOwn),
      streams: pick(this.#streams, isOwn),
    });
  }

  /** A partition is as it was: all that came since is lost. */
  rollBack(partition: PartitionKeys, content: PartitionContent): void {
    const { hashes, sorted, sets, streams } = structuredClone(content);
    replace(this.#hashes, partition, hashes);
    replace(this.#sorted, partition, sorted);
    replace(this.#sets, partition, sets);
    replace(this.#streams, partition, streams);
  }

  /** A name that no other commit has. */
  nonce(): number {
    return ++this.#ids;
  }

  // ——— Reads, as the row cache and step-rows.ts ask Redis for them ———

  async hmget(key: string, ...fields: string[]): Promise<(string | null)[]> {
    const hash = this.#hashes.get(key);
    return fields.map((field) => hash?.get(field) ?? null);
  }

  /** The script of this name: light rows. */
  async readRows([count, ...asked]: (string | number)[]): Promise<unknown[]> {
    const rows: (string | null)[] = [];
    let at = Number(count) + 1;
    for (let type = 0; type < Number(count); type += 2) {
      const last = at + Number(asked[at]);
      for (at++; at <= last; at++)
        for (const hash of [type, type + 1])
          rows.push(await this.hget(`${asked[hash]}`, `${asked[at]}`));
    }
    return ['kind', 'rows', 'rows', rows];
  }

  async hget(key: string, field: string): Promise<string | null> {
    return this.#hashes.get(key)?.get(field) ?? null;
  }

  async hkeys(key: string): Promise<string[]> {
    return [...(this.#hashes.get(key)?.keys() ?? [])];
  }

  async hrandfield(key: string, most: number): Promise<string[]> {
    return [...this.hash(key).keys()].slice(0, most);
  }

  /** The cursor is the last field that was told. */
  async hscan(
    key: string,
    cursor: string,
    _: 'COUNT',
    most: number,
  ): Promise<[cursor: string, flat: string[]]> {
    const fields = [...this.hash(key).keys()]
      .sort()
      .filter((field) => cursor === '0' || field > cursor);
    const told = fields.slice(0, most);
    return [
      told.length < fields.length ? told.at(-1)! : '0',
      told.flatMap((field) => [field, this.hash(key).get(field)!]),
    ];
  }

  /** The cursor is the last member that was told. */
  async zscan(
    key: string,
    cursor: string,
    _: 'COUNT',
    most: number,
  ): Promise<[cursor: string, flat: string[]]> {
    const members = [...this.sorted(key)].filter(([member]) => cursor === '0' || member > cursor);
    const told = members.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, most);
    return [
      told.length < members.length ? told.at(-1)![0] : '0',
      told.flatMap(([member, score]) => [member, String(score)]),
    ];
  }

  async smismember(key: string, ...members: string[]): Promise<number[]> {
    return members.map((member) => (this.set(key).has(member) ? 1 : 0));
  }

  async xrange(key: string): Promise<StreamEntry[]> {
    return this.#streams.get(key)?.entries ?? [];
  }

  async zrange(key: string, _: string, to: string): Promise<string[]> {
    return this.#scored(key, (a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1), Number(to));
  }

  async zrevrange(key: string, _: string, to: string): Promise<string[]> {
    return this.#scored(key, (a, b) => b[1] - a[1] || (a[0] < b[0] ? 1 : -1), Number(to));
  }

  hash(key: string): Map<string, string> {
    return getOrMake(this.#hashes, key, () => new Map<string, string>());
  }

  set(key: string): ReadonlySet<string> {
    return this.#sets.get(key) ?? new Set();
  }

  sorted(key: string): ReadonlyMap<string, number> {
    return this.#sorted.get(key) ?? new Map();
  }

  /** The keys of a partition that hold something. */
  keysOf({ base }: PartitionKeys): string[] {
    const held = [this.#hashes, this.#sorted, this.#sets].flatMap(
      (all: ReadonlyMap<string, { size: number }>) => [...all],
    );
    return held.flatMap(([key, { size }]) => (size > 0 && key.startsWith(base) ? [key] : []));
  }

  /**
   * Members in the order of their ids: after `after` ('': from the first one) up to `until` (null:
   * to the last one).
   */
  idsAfter(key: string, after: string, until: string | null = null): string[] {
    return [...this.sorted(key).keys()]
      .sort()
      .filter((id) => id > after && (until === null || id <= until));
  }

  /** Entries after a position. */
  entriesAfter(key: string, position: string): StreamEntry[] {
    const stream = this.#streams.get(key);
    if (!stream || stream.last === position) return [];
    return stream.entries.filter(([id]) => numberOf(id) > numberOf(position));
  }

  /** The id of a stream's last entry, whether it is still there or not. */
  lastEntry(key: string): string {
    return this.#streams.get(key)?.last ?? '0-0';
  }

  #scored(
    key: string,
    order: (a: [string, number], b: [string, number]) => number,
    to: number,
  ): string[] {
    const all = [...this.sorted(key)].sort(order).slice(0, to + 1);
    return all.flatMap(([member, score]) => [member, String(score)]);
  }

  // ——— Commands ———

  #write(verb: string, key: string, given: readonly Argument[], keys: readonly string[]): void {
    const texts = given.map(String);
    switch (verb) {
      case 'HSET':
        for (const [field, value] of pairs(texts)) this.hash(key).set(field, value);
        return;
      case 'HDEL':
        for (const field of texts) this.#hashes.get(key)?.delete(field);
        return;
      case 'ZADD':
        for (const [score, member] of pairs(texts))
          getOrMake(this.#sorted, key, newMap).set(member, Number(score));
        return;
      case 'ZREM':
        for (const member of texts) this.#sorted.get(key)?.delete(member);
        return;
      case 'SADD':
      case 'SREM':
        for (const member of texts) this.#flip(key, member, verb === 'SADD');
        return;
      case 'XADD':
        this.#add(key, texts);
        return;
      case 'XTRIM':
        // With '~' a server drops whole nodes of some hundred entries: here nothing.
        if (!texts.includes('~')) this.#trim(key, texts.at(-1)!);
        return;
      case 'UNLINK':
        for (const all of [this.#hashes, this.#sorted, this.#sets, this.#streams]) all.delete(key);
        return;
      case 'COUNT':
        for (const [predicateId, index] of pairs(texts))
          this.hash(key).set(predicateId, String(this.set(keys[Number(index) - 1]!).size));
        return;
      default:
        throw new Error(`the simulator's store knows no command ${verb}`);
    }
  }

  #flip(key: string, member: string, enters: boolean): void {
    const set = getOrMake(this.#sets, key, () => new Set<string>());
    if (set.has(member) === enters && key.includes(':segment:'))
      throw new CheckFailure('flips', `${member} ${enters ? 'enters' : 'leaves'} ${key} once more`);
    if (enters) set.add(member);
    else set.delete(member);
  }

  #add(key: string, given: readonly string[]): void {
    const [id = '', ...fields] = given[0] === 'MAXLEN' ? given.slice(3) : given;
    this.#append(key, id === '*' ? `${++this.#ids}-0` : id, fields);
  }

  #append(key: string, id: string, fields: readonly string[]): void {
    const stream = getOrMake(this.#streams, key, (): Stream => ({ entries: [], last: '0-0' }));
    if (numberOf(id) <= numberOf(stream.last))
      throw new CheckFailure(
        'entries grow',
        `${key} holds ${stream.last}, and ${id} is added to it`,
      );
    stream.last = id;
    stream.entries.push([id, fields]);
  }

  #trim(key: string, lowest: string): void {
    const stream = this.#streams.get(key);
    if (stream) stream.entries = stream.entries.filter(([id]) => numberOf(id) >= numberOf(lowest));
  }
}

/** Entries are numbered on, or by their sequence: nothing comes after the dash but 0. */
function numberOf(id: string): number {
  return Number(id.slice(0, -2));
}

function pick<V>(all: ReadonlyMap<string, V>, isWanted: (key: string) => boolean): Map<string, V> {
  return new Map([...all].filter(([key]) => isWanted(key)));
}

function replace<V>(
  all: Map<string, V>,
  { base }: PartitionKeys,
  content: ReadonlyMap<string, V>,
): void {
  for (const key of all.keys()) if (key.startsWith(base)) all.delete(key);
  for (const [key, value] of content) all.set(key, value);
}

const newMap = () => new Map<string, number>();

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((first, at) =>
    at % 2 === 0 ? [[first, flat[at + 1]!] as [string, string]] : [],
  );
}

function getOrMake<V>(all: Map<string, V>, key: string, make: () => V): V {
  let value = all.get(key);
  if (!value) all.set(key, (value = make()));
  return value;
}
