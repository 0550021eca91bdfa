/**
 * key-table.ts – Every key that there is: its name, what kind of value it is, what it holds.
 *
 * Keeps true: keys.ts builds these names and no others (test/unit/redis/key-table.test.ts). `rc`
 * stands for the prefix, `{p}` for the tag of a partition, and what is in angle brackets varies.
 */
export interface KeyRow {
  readonly name: string;
  readonly type: 'hash' | 'list' | 'set' | 'stream' | 'string' | 'zset';
  readonly holds: string;
  /** What it ended in in an older stored format. */
  readonly formerly?: string;
}

export const KEY_TABLE: readonly KeyRow[] = [
  // A partition.
  { name: 'rc:{p}:log', type: 'stream', holds: 'changes from outside, packed' },
  { name: 'rc:{p}:inbox', type: 'stream', holds: 'messages from other partitions' },
  { name: 'rc:{p}:outbox:<q>', type: 'stream', holds: 'messages for q, until it holds them' },
  {
    name: 'rc:{p}:delivered',
    type: 'hash',
    holds: 'source → epoch, last sequence, its entry, when that was',
  },
  { name: 'rc:{p}:owner', type: 'string', holds: 'the lease: the token of the owner' },
  { name: 'rc:{p}:meta', type: 'hash', holds: 'number of the commit, positions, work under way' },
  { name: 'rc:{p}:ids:<type>', type: 'zset', holds: 'all ids, in the order of their bytes' },
  { name: 'rc:{p}:records:<type>', type: 'hash', holds: 'id → record' },
  {
    name: 'rc:{p}:state:<type>',
    type: 'hash',
    holds: 'id → `due;predicates`: when it is due, and what holds of it',
  },
  { name: 'rc:{p}:segment:<predicate>', type: 'set', holds: 'ids of the members' },
  {
    name: 'rc:{p}:counts',
    type: 'hash',
    holds: 'predicate → members, while the partition answers for it',
  },
  { name: 'rc:{p}:due', type: 'zset', holds: '`<type>:<id>` by when the clock flips something' },
  {
    name: 'rc:{p}:tombstones',
    type: 'zset',
    holds: '`<type>:<id>` of deleted records, for 7 days',
  },
  { name: 'rc:{p}:feed', type: 'stream', holds: 'which records entered and left' },
  { name: 'rc:{p}:activations', type: 'stream', holds: 'flips that webhooks follow, until queued' },
  { name: 'rc:{p}:outcomes', type: 'stream', holds: 'outcomes for writers that wait' },
  { name: 'rc:{p}:dead', type: 'stream', holds: 'dead letters, with their reasons' },
  {
    name: 'rc:{p}:neighbours:<edge>',
    type: 'hash',
    holds: 'target → what it shows, what its holders here add up to',
  },
  {
    name: 'rc:{p}:related:<edge>',
    type: 'hash',
    holds: 'target of here → what its holders add up to, by partition',
  },
  { name: 'rc:{p}:holders:<edge>:<id>', type: 'zset', holds: 'records of here that point at it' },
  {
    name: 'rc:{p}:values:<predicate>:<id>',
    type: 'zset',
    holds: 'their values, if the lowest or highest is asked for',
  },
  { name: 'rc:{p}:confirmed:<q>', type: 'set', holds: 'in a snapshot of q: what it has spoken of' },
  // The catalog.
  { name: 'rc:{catalog}:meta', type: 'hash', holds: 'what was fixed when it was founded, version' },
  { name: 'rc:{catalog}:object-types', type: 'hash', holds: 'name → object type' },
  { name: 'rc:{catalog}:segments', type: 'hash', holds: 'slug → segment' },
  { name: 'rc:{catalog}:views', type: 'hash', holds: 'slug → view' },
  {
    name: 'rc:{catalog}:predicates',
    type: 'hash',
    holds: 'predicate → its query, status and type',
    formerly: 'ordinals',
  },
  {
    name: 'rc:{catalog}:slugs',
    type: 'hash',
    holds: 'slug → predicate whose sets hold its members',
  },
  { name: 'rc:{catalog}:log', type: 'stream', holds: 'the latest versions' },
  { name: 'rc:{catalog}:activations', type: 'hash', holds: 'id → activation' },
  { name: 'rc:{catalog}:webhook-secrets', type: 'hash', holds: 'activation → secret' },
  { name: 'rc:{catalog}:gone-activations', type: 'zset', holds: 'those to clear up after' },
  { name: 'rc:{catalog}:sorted:<slug>:<run>', type: 'zset', holds: 'ids of a view, while read' },
  { name: 'rc:{catalog}:sorted-runs', type: 'hash', holds: 'what those weigh' },
  { name: 'rc:{catalog}:idempotency:<digest>', type: 'string', holds: 'an answer that is kept' },
  { name: 'rc:{catalog}:idempotency-of:<key>', type: 'zset', holds: 'which are kept for a key' },
  { name: 'rc:{catalog}:idempotency-of:<key>:bytes', type: 'string', holds: 'what they weigh' },
  // Jobs and webhooks.
  { name: 'rc:{job-<id>}:state', type: 'hash', holds: 'how far a job has come, for 24 h' },
  { name: 'rc:{job-<id>}:input', type: 'list', holds: 'pieces that are still to be worked off' },
  { name: 'rc:{job-<id>}:output', type: 'list', holds: 'what it has brought' },
  { name: 'rc:{job-<id>}:errors', type: 'list', holds: 'what it could not do' },
  { name: '{rc:queues}:activations:lanes', type: 'set', holds: 'lanes that hold something' },
  { name: '{rc:queues}:activation:<id>:state', type: 'hash', holds: 'positions, numbers, faults' },
  { name: '{rc:queues}:activation:<id>:lane:<n>', type: 'list', holds: 'events to be delivered' },
  { name: '{rc:queues}:activation:<id>:attempts', type: 'hash', holds: 'failed ones, by lane' },
  { name: '{rc:queues}:activation:<id>:dead', type: 'hash', holds: 'event → dead letter' },
  { name: '{rc:queues}:activation:<id>:dead-order', type: 'zset', holds: 'their order' },
  { name: '{rc:queues}:activation:<id>:sync', type: 'hash', holds: 'a full sync under way' },
  { name: '{rc:queues}:activation:<id>:touched', type: 'set', holds: 'records told of meanwhile' },
];
