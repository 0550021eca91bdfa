/**
 * script-signatures.ts – The arguments and answers of each script, by name.
 *
 * Keeps true: only this table knows the order of keys and arguments. The loader gives a script its
 * own as locals of these names (in snake_case), and callers pass them by name. A test compares the
 * table with the header of each script.
 */
import type { AppendAnswer } from '../engine/change-logs.ts';
import type { CommitAnswer } from '../engine/partition-store.ts';
import type { Settled } from '../jobs/webhook-lanes.ts';

export interface Signature<Answer, Key extends string, Argument extends string> {
  readonly keys: readonly Key[];
  readonly arguments: readonly Argument[];
  /** Further keys or arguments may follow, as listed in the script's header. */
  readonly more?: boolean;
  /** `fields`: the answer is an object, sent as names and values in turn. */
  readonly answers?: 'fields';
  /**
   * What Redis lets the script do while its memory is full. By itself Redis would begin such a
   * script and refuse it at its first write that needs memory, after others went through: half a
   * change. With a first line `#!lua` it is refused before it begins. A lease is kept all the
   * same, and what only reads is carried out.
   */
  readonly whenFull?: 'allow-oom' | 'no-writes';
  /** What it shares with other scripts, of `lua/includes/`. */
  readonly includes?: readonly string[];
  /** Only in types. */
  readonly answer?: Answer;
}

function answering<Answer>() {
  return <const Key extends string, const Argument extends string>(
    signature: Signature<Answer, Key, Argument>,
  ): Signature<Answer, Key, Argument> => signature;
}

const LANES = ['state', 'lanes'] as const;

export const SIGNATURES = {
  acquirePartition: answering<
    | {
        readonly status: 'acquired';
        readonly meta: readonly string[];
        readonly complete: readonly string[];
        readonly failed: readonly string[];
        readonly followed: readonly string[];
      }
    | { readonly status: 'held'; readonly forMs: number }
    | { readonly status: 'lost' }
  >()({
    keys: ['owner', 'meta', 'counts', 'failed', 'followed'],
    arguments: ['token', 'leaseMs', 'install'],
    answers: 'fields',
    whenFull: 'allow-oom',
  }),
  advanceJob: answering<'ok' | 'fenced'>()({
    keys: ['state', 'input', 'output', 'errors'],
    arguments: ['run', 'steps', 'job', 'inputDone', 'keptMs', 'outputs'],
    more: true,
  }),
  beginEpoch: answering<'begun' | 'moved'>()({
    keys: ['delivered'],
    arguments: ['source', 'seen', 'epoch', 'sequence', 'nowMs'],
  }),
  changeHistory: answering<'changed' | 'moved'>()({
    keys: ['meta', 'feed', 'history', 'historyMonths'],
    arguments: ['mark', 'newMark', 'foldedTo'],
    more: true,
    // What is folded can be trimmed: that is how memory becomes free again.
    whenFull: 'allow-oom',
  }),
  commitBatch: answering<CommitAnswer>()({
    keys: ['owner', 'meta'],
    arguments: ['token', 'before', 'number', 'nonce', 'leaseMs'],
    more: true,
    includes: ['dead-letters'],
  }),
  deliverEntry: answering<AppendAnswer>()({
    keys: ['stream', 'delivered'],
    arguments: ['source', 'epoch', 'base', 'sequence', 'entriesMax', 'nowMs'],
    more: true,
    answers: 'fields',
  }),
  dropLetters: answering<'dropped'>()({
    keys: ['dead', 'deadIndex'],
    arguments: ['lettersMax', 'bytesMax', 'oldestMs'],
    includes: ['dead-letters'],
  }),
  expelOwner: answering<'expelled' | 'none'>()({ keys: ['meta'], arguments: ['nonce'] }),
  findTold: answering<{
    readonly entries: readonly string[];
    readonly looked: number;
    readonly bytes: number;
    readonly last: string;
  }>()({
    keys: ['feed'],
    arguments: ['before', 'entriesMax', 'bytesMax', 'named', 'noNews'],
    answers: 'fields',
    whenFull: 'no-writes',
  }),
  firstWebhooks: answering<string[]>()({
    keys: ['lane'],
    arguments: ['eventsMax', 'bytesMax'],
    whenFull: 'no-writes',
  }),
  foundDeployment: answering<Readonly<Record<string, string>>>()({
    keys: ['meta'],
    arguments: ['install', 'partitions', 'timeZone', 'semantics', 'nowMs', 'secret'],
    answers: 'fields',
  }),
  foundPartition: answering<'founded' | 'known' | 'foreign'>()({
    keys: ['meta'],
    arguments: ['install'],
  }),
  keepAnswer: answering<string[]>()({
    keys: ['order', 'bytes'],
    arguments: ['name', 'size', 'nowMs', 'keptMs', 'bytesMax'],
  }),
  indexLetters: answering<'right' | 'wrong' | 'written'>()({
    keys: ['dead', 'deadIndex'],
    arguments: ['isWritten'],
    includes: ['dead-letters'],
  }),
  listLetters: answering<string[][]>()({
    keys: ['dead'],
    arguments: ['before', 'most'],
    whenFull: 'no-writes',
  }),
  mendPartition: answering<'mended' | 'moved'>()({
    keys: [],
    arguments: ['guards', 'renewed', 'nonce'],
    more: true,
  }),
  noteTrial: answering<'noted' | 'fenced'>()({
    keys: ['owner', 'meta'],
    arguments: ['token', 'note'],
    whenFull: 'allow-oom',
  }),
  pushWebhooks: answering<string[]>()({
    keys: [...LANES, 'sync', 'touched', 'dead', 'deadOrder'],
    arguments: ['field', 'last', 'nowMs', 'pendingMax', 'deadMax'],
    more: true,
  }),
  readChanged: answering<{
    readonly number: number;
    readonly nonce: string;
    readonly since: 'known' | 'unknown';
    readonly whole: number;
    readonly changed: readonly (string | number)[];
  }>()({
    keys: ['meta', 'counted'],
    arguments: ['sinceNumber', 'sinceNonce', 'ring', 'rowsMax'],
    more: true,
    answers: 'fields',
    whenFull: 'no-writes',
  }),
  readChunk: answering<{ readonly rows: readonly (string | null)[]; readonly isEnd: number }>()({
    keys: ['ids', 'records', 'heads', 'blocks'],
    arguments: ['after', 'most', 'bytesMax'],
    answers: 'fields',
    whenFull: 'no-writes',
    includes: ['read-state'],
  }),
  readExplained: answering<{
    readonly record: string;
    readonly state: string;
    readonly member: number;
    readonly serverMs: number;
    readonly rows: readonly string[];
  }>()({
    keys: ['records', 'heads', 'blocks', 'members'],
    arguments: ['id', 'isAsked'],
    more: true,
    answers: 'fields',
    whenFull: 'no-writes',
    includes: ['read-state'],
  }),
  readHistory: answering<{
    readonly mark: string;
    readonly folded: string;
    readonly keptFrom: string;
    readonly dailyTo: string;
    readonly entries: readonly string[];
    readonly isEnd: number;
    readonly sizes: readonly string[];
    readonly months: readonly string[];
    readonly open: readonly (string | null)[];
    readonly rows: readonly (string | null)[];
  }>()({
    keys: ['meta', 'feed', 'history', 'historyMonths', 'historySizes'],
    arguments: ['entriesMax', 'bytesMax'],
    more: true,
    answers: 'fields',
    whenFull: 'no-writes',
  }),
  readFeed: answering<{
    readonly entries: readonly string[];
    readonly isEnd: number;
    readonly number: number;
    readonly clockMs: number;
    readonly catalogVersion: number;
    readonly trimmed: string;
    readonly last: string;
    readonly epochs: string;
  }>()({
    keys: ['feed', 'meta'],
    arguments: ['from', 'entriesMax', 'bytesMax'],
    answers: 'fields',
    whenFull: 'no-writes',
  }),
  readHolders: answering<readonly (readonly string[] | null)[]>()({
    keys: [],
    arguments: ['most'],
    more: true,
    whenFull: 'no-writes',
  }),
  readPartition: answering<{
    readonly number: number;
    readonly nonce: string;
    readonly position: string;
    readonly end: string;
    readonly inboxPosition: string;
    readonly inboxEnd: string;
    readonly clockMs: number;
    readonly catalogVersion: number;
    readonly telling: number;
    readonly serverMs: number;
    readonly dueMs: string;
    readonly failures: string;
    readonly failed: readonly string[];
    readonly sent: string;
    readonly delivered: string;
    readonly fanning: number;
    readonly loss: 'resynchronizing' | 'broken' | '';
    readonly since: 'known' | 'unknown';
    readonly changed: readonly string[];
    readonly counts: readonly string[];
  }>()({
    keys: [
      'meta',
      'log',
      'inbox',
      'counts',
      'counted',
      'failed',
      'delivered',
      'due',
      'fanoutsSince',
    ],
    arguments: ['partitions', 'failures', 'sinceNumber', 'sinceNonce', 'ring'],
    more: true,
    answers: 'fields',
    whenFull: 'no-writes',
  }),
  readRows: answering<
    | { readonly kind: 'rows'; readonly rows: readonly (string | null)[] }
    | { readonly kind: 'heavy'; readonly bytes: readonly number[] }
  >()({
    keys: [],
    arguments: ['bytesMax'],
    more: true,
    answers: 'fields',
    whenFull: 'no-writes',
    includes: ['read-state'],
  }),
  readStates: answering<(string | null)[]>()({
    keys: ['heads', 'blocks'],
    arguments: [],
    more: true,
    whenFull: 'no-writes',
    includes: ['read-state'],
  }),
  redeliverWebhooks: answering<number>()({
    keys: [...LANES, 'dead', 'deadOrder'],
    arguments: [],
    more: true,
  }),
  cutFeed: answering<'cut' | 'moved'>()({
    keys: ['feed', 'meta'],
    arguments: ['lost', 'next'],
    whenFull: 'allow-oom',
  }),
  removeLetter: answering<'removed' | 'unknown'>()({
    keys: ['dead', 'deadIndex'],
    arguments: ['id'],
    whenFull: 'allow-oom',
    includes: ['dead-letters'],
  }),
  retryLetter: answering<'retried' | 'unknown' | 'full'>()({
    keys: ['dead', 'deadIndex', 'log', 'delivered'],
    arguments: ['id', 'source', 'entriesMax', 'nowMs'],
    more: true,
    includes: ['dead-letters'],
  }),
  releaseLease: answering<'released' | 'fenced'>()({
    keys: ['owner', 'meta'],
    arguments: ['token'],
    whenFull: 'allow-oom',
  }),
  renewLease: answering<
    | { readonly status: 'renewed'; readonly number: number; readonly serverMs: number }
    | { readonly status: 'fenced' }
  >()({
    keys: ['owner', 'meta'],
    arguments: ['token', 'leaseMs'],
    answers: 'fields',
    whenFull: 'allow-oom',
  }),
  settleWebhook: answering<{ readonly next: Settled['next']; readonly delay?: number }>()({
    keys: [...LANES, 'lane', 'attempts', 'dead', 'deadOrder'],
    arguments: [
      ...(['outcome', 'id', 'name', 'nowMs', 'failure', 'attemptsMax'] as const),
      ...(['runMax', 'runMs', 'deadMax', 'outage'] as const),
    ],
    answers: 'fields',
  }),
  syncWebhooks: answering<
    { readonly status: 'pushed'; readonly woken: readonly string[] } | { readonly status: 'stale' }
  >()({
    keys: [...LANES, 'sync', 'touched'],
    arguments: ['id', 'before', 'after', 'status', 'nowMs', 'part'],
    more: true,
    answers: 'fields',
  }),
  tallyMembers: answering<readonly number[]>()({
    keys: [],
    arguments: [],
    more: true,
    whenFull: 'no-writes',
  }),
  weighFields: answering<number[]>()({
    keys: ['hash'],
    arguments: [],
    more: true,
    whenFull: 'no-writes',
  }),
  writeCatalog: answering<{ readonly status: 'ok' | 'conflict'; readonly version: number }>()({
    keys: [
      ...(['meta', 'log', 'objectTypes', 'segments', 'predicateIds', 'views'] as const),
      ...(['feedIds', 'activations', 'histories', 'revisions', 'slugs'] as const),
      ...(['webhookSecrets', 'goneActivations'] as const),
    ],
    arguments: ['version', 'nextPredicateId', 'change', 'entriesMax'],
    more: true,
    answers: 'fields',
  }),
};

type Signatures = typeof SIGNATURES;
export type ScriptName = keyof Signatures;
export type KeyOf<Name extends ScriptName> = Signatures[Name]['keys'][number];
export type ArgumentOf<Name extends ScriptName> = Signatures[Name]['arguments'][number];
export type AnswerOf<Name extends ScriptName> = NonNullable<Signatures[Name]['answer']>;
