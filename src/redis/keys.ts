/**
 * keys.ts – Every key name of a deployment.
 *
 * Keeps true: all keys of one partition carry its hash tag, so that they lie in one Redis Cluster
 * slot and one script may touch them. The catalog has a tag of its own. No other file, and no Lua,
 * builds a key.
 */

/** Names a record within `due`-like sets: a type name holds no colon, an id may. */
export function recordMember(objectType: string, id: string): string {
  return `${objectType}:${id}`;
}

export function readRecordMember(member: string): { objectType: string; id: string } {
  const colon = member.indexOf(':');
  return { objectType: member.slice(0, colon), id: member.slice(colon + 1) };
}

/** How a partition is called as a source of messages, in `delivered`. */
export function sourceName(partition: number): string {
  return `p${partition}`;
}

/** Names a revision of a segment among the texts that are kept: an id holds no colon. */
export function revisionField(segment: string, revision: number): string {
  return `${segment}:${revision}`;
}

/** Whether a source in `delivered` is a partition: others are processes that write changes. */
export function isSourcePartition(source: string): boolean {
  return /^p\d+$/.test(source);
}

export class PartitionKeys {
  readonly log: string;
  readonly inbox: string;
  readonly owner: string;
  readonly meta: string;
  readonly delivered: string;
  readonly counts: string;
  readonly counted: string;
  readonly failed: string;
  readonly due: string;
  readonly tombstones: string;
  /** How far the fan-outs that run have come, and the oldest commit whose news each brings. */
  readonly fanouts: string;
  readonly fanoutsSince: string;
  readonly feed: string;
  /** What was folded of the feed: open hours; bytes of months; sizes that are to be folded. */
  readonly history: string;
  readonly historyMonths: string;
  readonly historySizes: string;
  readonly followed: string;
  readonly activations: string;
  readonly outcomes: string;
  readonly dead: string;
  /** What dead letters weigh, how many were dropped, and which are of which record. */
  readonly deadIndex: string;
  /** Of audits, those samples that name a record: they go with it. */
  readonly auditSamples: string;
  /** The common beginning of all key names of the partition. */
  readonly base: string;
  /**
   * Each commit names the sets that it touches: a name that is rebuilt is hashed again wherever it
   * is looked up.
   */
  readonly #segments = new Map<number, string>();

  constructor(prefix: string, partition: number) {
    this.base = `${prefix}:{${partition}}:`;
    this.log = `${this.base}log`;
    this.inbox = `${this.base}inbox`;
    this.owner = `${this.base}owner`;
    this.meta = `${this.base}meta`;
    this.delivered = `${this.base}delivered`;
    this.counts = `${this.base}counts`;
    this.counted = `${this.base}counted`;
    this.failed = `${this.base}failed`;
    this.due = `${this.base}due`;
    this.tombstones = `${this.base}tombstones`;
    this.fanouts = `${this.base}fanouts`;
    this.fanoutsSince = `${this.base}fanouts-since`;
    this.feed = `${this.base}feed`;
    this.history = `${this.base}history`;
    this.historyMonths = `${this.base}history-months`;
    this.historySizes = `${this.base}history-sizes`;
    this.followed = `${this.base}followed`;
    this.activations = `${this.base}activations`;
    this.outcomes = `${this.base}outcomes`;
    this.dead = `${this.base}dead`;
    this.deadIndex = `${this.base}dead-index`;
    this.auditSamples = `${this.base}audit-samples`;
  }

  ids(objectType: string): string {
    return `${this.base}ids:${objectType}`;
  }

  records(objectType: string): string {
    return `${this.base}records:${objectType}`;
  }

  state(objectType: string): string {
    return `${this.base}state:${objectType}`;
  }

  /** Of the states of records: their blocks beside the first. */
  blocks(objectType: string): string {
    return `${this.base}blocks:${objectType}`;
  }

  segment(predicateId: number): string {
    let key = this.#segments.get(predicateId);
    if (key === undefined)
      this.#segments.set(predicateId, (key = `${this.base}segment:${predicateId}`));
    return key;
  }

  /** the rows of the edge with this id, by target id. */
  neighbours(edgeId: number): string {
    return `${this.base}neighbours:${edgeId}`;
  }

  /**
   * While a partition resends all its state: the targets here about which it has sent something.
   */
  confirmed(source: number): string {
    return `${this.base}confirmed:${source}`;
  }

  related(edgeId: number): string {
    return `${this.base}related:${edgeId}`;
  }

  holders(edgeId: number, target: string): string {
    return `${this.base}holders:${edgeId}:${target}`;
  }

  /** The values of holders of a target, for the extremes of one shared predicate id. */
  values(predicateId: number, target: string): string {
    return `${this.base}values:${predicateId}:${target}`;
  }

  /** Per target and value: local holders that have it, for one shared predicate of theirs. */
  valueCounts(predicateId: number): string {
    return `${this.base}value-counts:${predicateId}`;
  }

  /** At targets, per target and value: the partitions of which holders have it. */
  valueSources(predicateId: number): string {
    return `${this.base}value-sources:${predicateId}`;
  }

  /** At targets: how many different values their holders have. */
  valueTotals(predicateId: number): string {
    return `${this.base}value-totals:${predicateId}`;
  }

  /** What happened in a month, by feed id. */
  historyOf(month: string): string {
    return `${this.base}history:${month}`;
  }

  outbox(target: number): string {
    return `${this.base}outbox:${target}`;
  }
}

export class CatalogKeys {
  readonly meta: string;
  readonly objectTypes: string;
  readonly segments: string;
  /**
   * For readers of Redis: slug → predicate id of the sets that answer for it, while there are any.
   */
  readonly slugs: string;
  readonly predicateIds: string;
  readonly feedIds: string;
  readonly views: string;
  readonly log: string;
  readonly activations: string;
  /** By segment id: which earlier revisions are kept, and what was deleted. */
  readonly histories: string;
  /** The texts of those. */
  readonly revisions: string;
  /** By activation: in no catalog entry, so that nothing that shows the catalog can show them. */
  readonly webhookSecrets: string;
  /**
   * Activations that are gone, by the second: what webhooks keep of them is still to be removed.
   */
  readonly goneActivations: string;
  /** The latest audits by id, and the verdict of the last one. */
  readonly audits: string;
  /** What the names of its keys begin with. */
  readonly base: string;

  constructor(prefix: string) {
    this.base = `${prefix}:{catalog}:`;
    this.meta = `${this.base}meta`;
    this.objectTypes = `${this.base}object-types`;
    this.segments = `${this.base}segments`;
    this.slugs = `${this.base}slugs`;
    this.predicateIds = `${this.base}predicates`;
    this.feedIds = `${this.base}feed-ids`;
    this.views = `${this.base}views`;
    this.log = `${this.base}log`;
    this.activations = `${this.base}activations`;
    this.histories = `${this.base}histories`;
    this.revisions = `${this.base}revisions`;
    this.webhookSecrets = `${this.base}webhook-secrets`;
    this.goneActivations = `${this.base}gone-activations`;
    this.audits = `${this.base}audits`;
  }

  /** The ids of a view in its order, while a reader uses them. */
  sortedRun(slug: string, name: string): string {
    return `${this.base}sorted:${slug}:${name}`;
  }

  /** The register of those runs, with their weights. */
  get sortedRuns(): string {
    return `${this.base}sorted-runs`;
  }

  idempotency(digest: string): string {
    return `${this.base}idempotency:${digest}`;
  }

  /** Which answers are kept for an API key, and how many bytes they have. */
  idempotencyOf(holder: string): { readonly order: string; readonly bytes: string } {
    const base = `${this.base}idempotency-of:${holder}`;
    return { order: base, bytes: `${base}:bytes` };
  }

  /** A browser's session, by the digest of its id. */
  session(digest: string): string {
    return `${this.base}session:${digest}`;
  }

  /** The sessions of an API key, by its digest. */
  sessionsOf(digest: string): string {
    return `${this.base}sessions-of:${digest}`;
  }
}

/** What is kept of one job beside its place in the queue. */
export class JobKeys {
  readonly state: string;
  /** What is still to be worked off, piece by piece. */
  readonly input: string;
  readonly output: string;
  readonly errors: string;

  constructor(prefix: string, id: string) {
    const base = `${prefix}:{job-${id}}:`;
    this.state = `${base}state`;
    this.input = `${base}input`;
    this.output = `${base}output`;
    this.errors = `${base}errors`;
  }
}

/** Where the queue's keys lie: one hash tag, as BullMQ needs it on a cluster. */
export function queuePrefix(prefix: string): string {
  return `{${prefix}:queues}`;
}

/**
 * What waits to be delivered to the webhooks of activations: beside BullMQ's keys, in their slot.
 */
export class WebhookKeys {
  /** Of the BullMQ queues. */
  readonly queuePrefix: string;
  readonly lanes: string;
  readonly #base: string;

  constructor(prefix: string) {
    this.queuePrefix = queuePrefix(prefix);
    this.#base = `${this.queuePrefix}:activation`;
    this.lanes = `${this.#base}s:lanes`;
  }

  state(activation: string): string {
    return `${this.#base}:${activation}:state`;
  }

  lane(activation: string, lane: number): string {
    return `${this.#base}:${activation}:lane:${lane}`;
  }

  attempts(activation: string): string {
    return `${this.#base}:${activation}:attempts`;
  }

  dead(activation: string): string {
    return `${this.#base}:${activation}:dead`;
  }

  deadOrder(activation: string): string {
    return `${this.#base}:${activation}:dead-order`;
  }

  sync(activation: string): string {
    return `${this.#base}:${activation}:sync`;
  }

  /** Records of which a change was sent since the sync's page began. */
  touched(activation: string): string {
    return `${this.#base}:${activation}:touched`;
  }
}

/** All keys of a deployment with P partitions. */
export class Keys {
  readonly catalog: CatalogKeys;
  readonly webhooks: WebhookKeys;
  readonly partitions: readonly PartitionKeys[];
  readonly prefix: string;

  constructor(prefix: string, partitions: number) {
    this.prefix = prefix;
    this.catalog = new CatalogKeys(prefix);
    this.webhooks = new WebhookKeys(prefix);
    this.partitions = Array.from(
      { length: partitions },
      (_, partition) => new PartitionKeys(prefix, partition),
    );
  }
  job(id: string): JobKeys {
    return new JobKeys(this.prefix, id);
  }
}

/**
 * A key of every kind that there is, the patterns that cover them, and one that nothing else uses.
 */
export function probeKeys(prefix: string): {
  readonly names: readonly string[];
  readonly patterns: readonly string[];
  readonly probe: string;
} {
  const { partitions, catalog, webhooks } = new Keys(prefix, 1);
  const names = [
    partitions[0]!.log,
    catalog.meta,
    new JobKeys(prefix, 'probe').state,
    webhooks.lanes,
  ];
  return {
    names,
    patterns: [`${prefix}:*`, `${queuePrefix(prefix)}:*`],
    probe: new JobKeys(prefix, 'probe').input,
  };
}

/** A row of the table of keys: what a key is called, what kind it is of, what it holds. */
export interface KeyRow {
  readonly name: string;
  readonly type: 'hash' | 'list' | 'set' | 'stream' | 'string' | 'zset';
  readonly holds: string;
  /** Its ending in an older stored format. */
  readonly formerly?: string;
  /**
   * No answer about members rests on it: another kind of value there is removed by whoever meets
   * it. Elsewhere it stops the partition, so that nothing wrong is answered.
   */
  readonly isLoose?: true;
}

/**
 * Every key that the classes above name (test/unit/redis/keys.test.ts). `rc` stands for the prefix,
 * `{p}` for the tag of a partition, and what is in angle brackets varies.
 */
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
    holds: 'id → `due;numbers;block`: the head of its state',
  },
  {
    name: 'rc:{p}:blocks:<type>',
    type: 'hash',
    holds: '`<number>:<id>` → a further block of its state',
  },
  { name: 'rc:{p}:segment:<predicate>', type: 'set', holds: 'ids of the members' },
  {
    name: 'rc:{p}:counts',
    type: 'hash',
    holds: 'predicate → members, while the partition answers for it',
  },
  {
    name: 'rc:{p}:counted',
    type: 'hash',
    holds: 'number modulo 64 or 512 of a commit → what it counted, wrote',
    isLoose: true,
  },
  {
    name: 'rc:{p}:failed',
    type: 'hash',
    holds: 'predicate → JSON: why it has failed here',
    isLoose: true,
  },
  { name: 'rc:{p}:due', type: 'zset', holds: '`<type>:<id>` by when the clock flips something' },
  {
    name: 'rc:{p}:tombstones',
    type: 'zset',
    holds: '`<type>:<id>` of deleted records, for 7 days',
  },
  {
    name: 'rc:{p}:fanouts',
    type: 'hash',
    holds: '`<edge>:<target>` → JSON: how far its fan-out has come',
  },
  {
    name: 'rc:{p}:fanouts-since',
    type: 'zset',
    holds: '`<edge>:<target>` by the oldest commit that it brings',
  },
  { name: 'rc:{p}:feed', type: 'stream', holds: 'which records entered and left', isLoose: true },
  {
    name: 'rc:{p}:history',
    type: 'hash',
    holds: 'feed id → its hour that is open; how far the past is kept',
    isLoose: true,
  },
  {
    name: 'rc:{p}:history:<month>',
    type: 'hash',
    holds: 'feed id → packed hours, or days: members, entered, left',
    isLoose: true,
  },
  {
    name: 'rc:{p}:history-months',
    type: 'hash',
    holds: 'month → bytes of its rows',
    isLoose: true,
  },
  {
    name: 'rc:{p}:history-sizes',
    type: 'hash',
    holds: 'feed id and entry → members, when it became ready or a run ended',
    isLoose: true,
  },
  {
    name: 'rc:{p}:followed',
    type: 'hash',
    holds: 'feed id → predicate that the feed goes by; in a run, that before',
    isLoose: true,
  },
  {
    name: 'rc:{p}:activations',
    type: 'stream',
    holds: 'flips that webhooks follow, until queued',
    isLoose: true,
  },
  {
    name: 'rc:{p}:outcomes',
    type: 'stream',
    holds: 'outcomes for writers that wait',
    isLoose: true,
  },
  { name: 'rc:{p}:dead', type: 'stream', holds: 'dead letters, with their reasons', isLoose: true },
  {
    name: 'rc:{p}:dead-index',
    type: 'hash',
    holds: '`<type>:<id>` → its dead letters; weight of all; number dropped',
    isLoose: true,
  },
  {
    name: 'rc:{p}:audit-samples',
    type: 'hash',
    holds: '`<type>:<id>` → JSON: what audits have noted of it',
    isLoose: true,
  },
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
  {
    name: 'rc:{p}:value-counts:<predicate>',
    type: 'hash',
    holds: 'value and target → holders of here that have it',
  },
  {
    name: 'rc:{p}:value-sources:<predicate>',
    type: 'hash',
    holds: 'value and target of here → partitions that have it',
  },
  {
    name: 'rc:{p}:value-totals:<predicate>',
    type: 'hash',
    holds: 'target of here → how many different ones',
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
    name: 'rc:{catalog}:feed-ids',
    type: 'hash',
    holds: 'feed id → segment, also of deleted ones',
  },
  {
    name: 'rc:{catalog}:slugs',
    type: 'hash',
    holds: 'slug → predicate whose sets hold its members',
  },
  { name: 'rc:{catalog}:log', type: 'stream', holds: 'the latest versions' },
  { name: 'rc:{catalog}:activations', type: 'hash', holds: 'id → activation' },
  { name: 'rc:{catalog}:histories', type: 'hash', holds: 'segment id → what is kept of its past' },
  { name: 'rc:{catalog}:revisions', type: 'hash', holds: '`<segment id>:<number>` → its text' },
  { name: 'rc:{catalog}:webhook-secrets', type: 'hash', holds: 'activation → secret' },
  { name: 'rc:{catalog}:audits', type: 'hash', holds: 'id → audit; the last verdict' },
  { name: 'rc:{catalog}:gone-activations', type: 'zset', holds: 'those to clear up after' },
  { name: 'rc:{catalog}:sorted:<slug>:<run>', type: 'zset', holds: 'ids of a view, while read' },
  { name: 'rc:{catalog}:sorted-runs', type: 'hash', holds: 'what those weigh' },
  { name: 'rc:{catalog}:idempotency:<digest>', type: 'string', holds: 'an answer that is kept' },
  { name: 'rc:{catalog}:idempotency-of:<key>', type: 'zset', holds: 'which are kept for a key' },
  { name: 'rc:{catalog}:idempotency-of:<key>:bytes', type: 'string', holds: 'what they weigh' },
  {
    name: 'rc:{catalog}:session:<digest>',
    type: 'string',
    holds: 'when a session began, and the digest of its key',
  },
  {
    name: 'rc:{catalog}:sessions-of:<key>',
    type: 'zset',
    holds: 'sessions of a key by when they began, for 7 days',
  },
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

/**
 * The rows of a partition's keys, or the catalog's, by the first part of their names after the tag.
 * Of several the first one counts; what lies beside it under the same name holds the same kind, but
 * for the weight of kept answers.
 */
export function keyRows(of: 'p' | 'catalog'): ReadonlyMap<string, KeyRow> {
  const base = `rc:{${of}}:`;
  const own = KEY_TABLE.filter(({ name }) => name.startsWith(base));
  const named = own.map((row) => [row.name.slice(base.length).split(':', 1)[0]!, row] as const);
  return new Map(named.reverse());
}
