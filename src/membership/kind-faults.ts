/**
 * kind-faults.ts – Looks at what kind of Redis value each key holds: one of another kind stops
 * everybody who reads it, the audit too.
 *
 * Keeps true: it is asked before anything else is read. What follows from the records is removed,
 * to be built anew; records themselves are nobody's to remove.
 */
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import type { Fault, Mend } from './fault.ts';

const SCAN_COUNT = 1000;
/** By what a key is called behind its tag. */
const KINDS: Readonly<Record<string, string>> = {
  segment: 'set',
  state: 'hash',
  ids: 'zset',
  records: 'hash',
  holders: 'zset',
  values: 'zset',
  neighbours: 'hash',
  related: 'hash',
  counts: 'hash',
  due: 'zset',
  tombstones: 'zset',
};

export async function findKindFaults(redis: Redis, keys: Keys): Promise<Fault[]> {
  const faults: Fault[] = [];
  const own = new Map(keys.partitions.map(({ base }, at) => [base, at]));
  const match = `${keys.prefix.replace(/[\\*?[\]]/g, '\\$&')}:{*}:*`;
  for await (const found of redis.scanStream({ match, count: SCAN_COUNT })) {
    const named = (found as string[]).flatMap((key) => expected(key, keys, own));
    const types = await Promise.all(named.map(({ key }) => redis.type(key)));
    for (const [at, one] of named.entries()) {
      const type = types[at]!;
      if (type !== one.kind && type !== 'none') faults.push(faultOf(one, type));
    }
  }
  return faults;
}

interface Expected {
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly partition?: number;
}

function expected(key: string, { catalog }: Keys, own: ReadonlyMap<string, number>): Expected[] {
  if (key === catalog.slugs) return [{ key, name: 'slugs', kind: 'hash' }];
  const base = key.slice(0, key.indexOf('}:') + 2);
  const partition = own.get(base);
  const [name = ''] = key.slice(base.length).split(':', 1);
  const kind = partition === undefined || !Object.hasOwn(KINDS, name) ? undefined : KINDS[name];
  return kind === undefined ? [] : [{ key, name, kind, partition: partition! }];
}

function faultOf({ key, name, kind, partition }: Expected, type: string): Fault {
  const told = `${key}(a ${type}, not a ${kind})`;
  const at = partition === undefined ? undefined : { partition };
  const fault: Fault = { place: 'kinds', of: name, told, isExtra: true, ...at };
  const mend: Mend = { verb: 'UNLINK', key, arguments: [], guards: [] };
  return name === 'records' ? fault : { ...fault, mend };
}
