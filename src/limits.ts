/**
 * limits.ts – What one caller may cost, in one table: a row is a bound, the variable that moves it,
 * and its default.
 *
 * Keeps true: each bound acts where its name is read, is listed by `rollcall config`, and is a
 * whole number; a new one is one row here and nothing anywhere else.
 */
interface Limit {
  readonly name: `ROLLCALL_${string}`;
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly description: string;
}

const KB = 1024;
const MB = 1024 * KB;
const GB = 1024 * MB;

export const LIMITS = {
  pageBytes: {
    name: 'ROLLCALL_PAGE_BYTES',
    default: 8 * MB,
    minimum: 64 * KB,
    maximum: 64 * MB,
    description: 'Bytes after which a page of a list ends early; next_cursor goes on',
  },
  rowPageBytes: {
    name: 'ROLLCALL_ROW_PAGE_BYTES',
    default: 16 * MB,
    minimum: 64 * KB,
    maximum: 64 * MB,
    description:
      "Bytes after which a page of a view's rows ends early, their relationships included",
  },
  heldBytes: {
    name: 'ROLLCALL_HELD_BYTES',
    default: 64 * MB,
    minimum: MB,
    maximum: 4 * GB,
    description:
      'Bytes of answers that wait to be taken by slow clients; one key holds at most half',
  },
  sortedRunsBytes: {
    name: 'ROLLCALL_SORTED_RUNS_BYTES',
    default: 64 * MB,
    minimum: 64 * KB,
    maximum: 16 * GB,
    description:
      'Bytes in Redis of the orders of sorted views that are being read; the oldest give way',
  },
  sortedRuns: {
    name: 'ROLLCALL_SORTED_RUNS',
    default: 256,
    minimum: 1,
    maximum: 100_000,
    description: 'Number of those orders',
  },
  explainedRecords: {
    name: 'ROLLCALL_EXPLAINED_RECORDS',
    default: 5000,
    minimum: 100,
    maximum: 1_000_000,
    description: 'Related records that are looked at for one explanation',
  },
  explainedBytes: {
    name: 'ROLLCALL_EXPLAINED_BYTES',
    default: 16 * MB,
    minimum: 64 * KB,
    maximum: GB,
    description: 'Bytes of those records',
  },
  rejectedLines: {
    name: 'ROLLCALL_REJECTED_LINES',
    default: 1000,
    minimum: 1,
    maximum: 100_000,
    description: 'Rejected lines that an answer lists; rejected_total counts the rest',
  },
  refusedBodyBytes: {
    name: 'ROLLCALL_REFUSED_BODY_BYTES',
    default: MB,
    minimum: 0,
    maximum: GB,
    description:
      'Bytes of a body read after its request was refused; then the connection is closed',
  },
  idempotencyBytes: {
    name: 'ROLLCALL_IDEMPOTENCY_BYTES',
    default: 16 * MB,
    minimum: 64 * KB,
    maximum: GB,
    description:
      'Bytes of answers kept for the Idempotency-Keys of one API key; the oldest give way',
  },
  deadLetters: {
    name: 'ROLLCALL_DEAD_LETTERS',
    default: 1000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Dead letters of changes and messages kept in each partition; the oldest give way',
  },
  deadLetterBytes: {
    name: 'ROLLCALL_DEAD_LETTER_BYTES',
    default: 8 * MB,
    minimum: 64 * KB,
    maximum: GB,
    description: 'Bytes of those in each partition; the newest is kept whatever it weighs',
  },
  deadLetterDays: {
    name: 'ROLLCALL_DEAD_LETTER_DAYS',
    default: 30,
    minimum: 1,
    maximum: 3650,
    description: 'Days for which a dead letter is kept',
  },
  auditRecords: {
    name: 'ROLLCALL_AUDIT_RECORDS',
    default: 100_000,
    minimum: 1,
    maximum: 100_000_000,
    description:
      'Records of related types that an audit in a server holds in memory, 1 kB each; with more ' +
      'it leaves relationships out, and rollcall audit compares them',
  },
  webhookLanes: {
    name: 'ROLLCALL_WEBHOOK_LANES',
    default: 128,
    minimum: 4,
    maximum: 1024,
    description:
      'Webhooks sent at once; one activation has at most a quarter of them, one host a half',
  },
  requestSeconds: {
    name: 'ROLLCALL_REQUEST_SECONDS',
    default: 60,
    minimum: 5,
    maximum: 3600,
    description:
      'Seconds in which a body must have come, unless it is streamed; headers have 20 s at most',
  },
  connections: {
    name: 'ROLLCALL_CONNECTIONS',
    default: 2000,
    minimum: 16,
    maximum: 100_000,
    description: 'Connections that are open at once; further ones are closed',
  },
  segmentHistoryBytes: {
    name: 'ROLLCALL_SEGMENT_HISTORY_BYTES',
    default: 256 * MB,
    minimum: MB,
    maximum: 64 * GB,
    description: 'Bytes in Redis of the history of segments; the oldest months give way',
  },
  historyPoints: {
    name: 'ROLLCALL_HISTORY_POINTS',
    default: 50_000,
    minimum: 100,
    maximum: 1_000_000,
    description: 'Hours or days of one answer about the history of segments, over all of them',
  },
  streamsPerKey: {
    name: 'ROLLCALL_STREAMS_PER_KEY',
    default: 256,
    minimum: 1,
    maximum: 10_000,
    description: 'Streams of events (Server-Sent Events) that one API key has open at once',
  },
  streamStalledSeconds: {
    name: 'ROLLCALL_STREAM_STALLED_SECONDS',
    default: 60,
    minimum: 1,
    maximum: 3600,
    description: 'Seconds after which a stream is closed whose client takes nothing of it',
  },
  feedTailBytes: {
    name: 'ROLLCALL_FEED_TAIL_BYTES',
    default: 16 * MB,
    minimum: 64 * KB,
    maximum: GB,
    description:
      'Bytes of the latest events kept in memory for streams that are a little behind; others ' +
      'catch up from Redis',
  },
  catalogBytes: {
    name: 'ROLLCALL_CATALOG_BYTES',
    default: 64 * MB,
    minimum: 64 * KB,
    maximum: GB,
    description: 'Bytes of all definitions together: object types, segments, views, activations',
  },
  catalogNodes: {
    name: 'ROLLCALL_CATALOG_NODES',
    default: 500_000,
    minimum: 100,
    maximum: 100_000_000,
    description: 'Operations and values of the queries of all segments and views together',
  },
  revisionsBytes: {
    name: 'ROLLCALL_REVISIONS_BYTES',
    default: 64 * MB,
    minimum: 64 * KB,
    maximum: 4 * GB,
    description:
      'Bytes of earlier revisions and deleted segments together; what is oldest gives way',
  },
  segmentRevisionsBytes: {
    name: 'ROLLCALL_SEGMENT_REVISIONS_BYTES',
    default: MB,
    minimum: 4 * KB,
    maximum: 64 * MB,
    description: 'Bytes of the earlier revisions of one segment; the last one is always kept',
  },
  deletedSegments: {
    name: 'ROLLCALL_DELETED_SEGMENTS',
    default: 1000,
    minimum: 0,
    maximum: 100_000,
    description: 'Deleted segments that can be restored, for 30 days; the oldest give way',
  },
  segments: {
    name: 'ROLLCALL_SEGMENTS',
    default: 50_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Segments',
  },
  views: {
    name: 'ROLLCALL_VIEWS',
    default: 5000,
    minimum: 1,
    maximum: 100_000,
    description: 'Views',
  },
  activationsPerView: {
    name: 'ROLLCALL_ACTIVATIONS_PER_VIEW',
    default: 20,
    minimum: 1,
    maximum: 1000,
    description: 'Activations of one view',
  },
  activations: {
    name: 'ROLLCALL_ACTIVATIONS',
    default: 1000,
    minimum: 1,
    maximum: 100_000,
    description: 'Activations of all views together',
  },
  objectTypes: {
    name: 'ROLLCALL_OBJECT_TYPES',
    default: 500,
    minimum: 1,
    maximum: 10_000,
    description: 'Object types',
  },
  attributes: {
    name: 'ROLLCALL_ATTRIBUTES',
    default: 20_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Attributes and relationships of all object types together',
  },
  previews: {
    name: 'ROLLCALL_PREVIEWS',
    default: 2,
    minimum: 1,
    maximum: 64,
    description: 'Previews that are evaluated at once',
  },
  previewsPerConnection: {
    name: 'ROLLCALL_PREVIEWS_PER_CONNECTION',
    default: 2,
    minimum: 1,
    maximum: 64,
    description: 'Previews of one connection that are evaluated or wait',
  },
  previewsWaiting: {
    name: 'ROLLCALL_PREVIEWS_WAITING',
    default: 16,
    minimum: 0,
    maximum: 10_000,
    description: 'Previews that wait for their turn; further ones are refused with 429',
  },
  previewBytes: {
    name: 'ROLLCALL_PREVIEW_BYTES',
    default: 128 * MB,
    minimum: MB,
    maximum: 4 * GB,
    description: 'Bytes that one preview may hold of records that look at each other',
  },
  feedEntries: {
    name: 'ROLLCALL_FEED_ENTRIES',
    default: 10_000,
    minimum: 100,
    maximum: 10_000_000,
    description:
      "Entries of each partition's feed, one a commit that tells something; up to twice as many " +
      'while history has not counted them',
  },
  feedDays: {
    name: 'ROLLCALL_FEED_DAYS',
    default: 30,
    minimum: 1,
    maximum: 365,
    description: 'Days after which an entry of a feed goes',
  },
} as const satisfies Readonly<Record<string, Limit>>;

export type LimitName = keyof typeof LIMITS;
export type Limits = { readonly [Name in LimitName]: number };

/** The bounds that hold where nobody moved one. */
export const DEFAULT_LIMITS: Limits = limitsFrom(({ default: value }) => value);

/** One number for each row of the table. */
export function limitsFrom(read: (limit: Limit) => number): Limits {
  const entries = Object.entries(LIMITS).map(([name, limit]) => [name, read(limit)]);
  return Object.fromEntries(entries) as Limits;
}
