/**
 * core-limits.ts – The limits of one turn of a partition.
 *
 * Keeps true: every loop of a turn is bounded by one of these. They are read again each time, so
 * that a simulator may draw them; there they are tiny.
 */
import { TOMBSTONE_TTL_MS } from '../change/record.ts';
import type { CareLimits } from './care.ts';
import { EFFECTS_MAX } from './step.ts';

export interface CoreLimits {
  /** A batch ends at the entry that passes one of these two. */
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  /** Records of a slice at least, however long they take: each costs some round trips. */
  readonly sliceRecordsMin: number;
  /** Holders that the fan-outs of a batch visit together, and each of them at least. */
  readonly fanoutRecordsMax: number;
  readonly fanoutRecordsMin: number;
  /**
   * A target that has so many local holders at most has few: they are evaluated in the batch that
   * brings its news, and together so many.
   */
  readonly fewHoldersMax: number;
  readonly newsHoldersMax: number;
  /** Memberships that a batch may flip: it ends at the piece that passes this. */
  readonly effectsMax: number;
  /** Fan-outs that are read at once at a take-over. */
  readonly recoveredFanoutsMax: number;
  /** Rows of a chunk of a backfill at least, however many predicates are evaluated for each. */
  readonly backfillRecordsMin: number;
  readonly backfillRecordsMax: number;
  /** Entries that may wait for their targets before all but the inbox is held back. */
  readonly undeliveredMax: number;
  /** Records that a batch looks at because of the time. */
  readonly dueRecordsMax: number;
  /** Targets and timers of a chunk of a sweep. */
  readonly sweptTargetsMax: number;
  readonly sweptTimersMax: number;
  readonly expiredTombstonesMax: number;
  /** How often tombstones are looked after, and how long they last. */
  readonly tombstonesEveryMs: number;
  readonly tombstoneTtlMs: number;
  /**
   * Stored records that a batch loads without being cut, and what each kind of work may then; a
   * slice is of one kind.
   */
  readonly loadedBytesMax: number;
  readonly kindBytesMax: number;
  /** Targets whose state is resent together. */
  readonly resentTargetsMax: number;
  readonly cachedRowsMax: number;
  /** Batches that may throw before the partition stops, if no piece of them throws alone. */
  readonly stepAttemptsMax: number;
  /** A piece under suspicion waits so long after a take-over. */
  readonly suspicionPauseMs: number;
  /** What one batch may have held besides messages. */
  readonly care: CareLimits;
}

const BATCH_RECORDS_MAX = 500;
/**
 * Records of a slice at most; its time may bound it first (pace.ts). After a death as many are
 * tried one by one.
 */
const SLICE_RECORDS_MAX = 500;

export const CORE_LIMITS: CoreLimits = {
  batchRecordsMax: BATCH_RECORDS_MAX,
  batchBytesMax: 1024 * 1024,
  sliceRecordsMin: 16,
  fanoutRecordsMax: SLICE_RECORDS_MAX,
  fanoutRecordsMin: 16,
  fewHoldersMax: 16,
  newsHoldersMax: 1000,
  effectsMax: EFFECTS_MAX,
  recoveredFanoutsMax: 5000,
  backfillRecordsMin: 16,
  backfillRecordsMax: SLICE_RECORDS_MAX,
  undeliveredMax: 1000,
  dueRecordsMax: SLICE_RECORDS_MAX,
  // Each target names a set or a few, and the store frees them in the background.
  sweptTargetsMax: 200,
  sweptTimersMax: 200,
  expiredTombstonesMax: 200,
  tombstonesEveryMs: 30_000,
  tombstoneTtlMs: TOMBSTONE_TTL_MS,
  // All partitions of a process may hold so much at once, and parsed it is several times as large.
  loadedBytesMax: 8 * 1024 * 1024,
  // Measured: to parse 4 MB takes 40 ms.
  kindBytesMax: 2 * 1024 * 1024,
  resentTargetsMax: 200,
  // Rows that a process keeps, shared out among its partitions: about 2 kB each with 20 attributes.
  cachedRowsMax: 100_000,
  stepAttemptsMax: 3,
  // An operator that kills a process as soon as it is ready, again and again, must not meet the
  // same piece each time.
  suspicionPauseMs: 1000,
  care: {
    change: BATCH_RECORDS_MAX + 256, // an entry may pass the limit (ENTRY_CHANGES_MAX)
    fanout: SLICE_RECORDS_MAX,
    due: SLICE_RECORDS_MAX,
    backfill: SLICE_RECORDS_MAX,
    // A resynchronization is not stored: it begins again after a take-over.
    resync: Number.POSITIVE_INFINITY,
  },
};
