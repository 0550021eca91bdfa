/**
 * answers.ts – What the API answers, as types of the server's own schemas.
 */
import type { Static } from 'typebox';
import type {
  activationForm,
  attemptForm,
  createdActivationForm,
  syncForm,
  undeliveredForm,
} from '../../api/activations/schemas.ts';
import type { auditForm } from '../../api/audits/schemas.ts';
import type { letterForm, retriedForm } from '../../api/dead-letters/schemas.ts';
import type { changeEvent } from '../../api/feed/schemas.ts';
import type { jobForm } from '../../api/jobs/schemas.ts';
import type { objectTypeForm } from '../../api/object-types/schemas.ts';
import type { seedEntryForm } from '../../api/seeds/schemas.ts';
import type { segmentForm } from '../../api/segments/schemas.ts';
import type { sessionForm } from '../../api/session/schemas.ts';
import type { viewForm } from '../../api/views/schemas.ts';
import type { Fault } from '../../errors.ts';

/** Who has signed in, and what they may do. */
export type SignedInAs = Static<typeof sessionForm>;
export type MayDo = SignedInAs['capabilities'][number];

export type SegmentShown = Static<typeof segmentForm>;
export type ViewShown = Static<typeof viewForm>;
export type ActivationShown = Static<typeof activationForm>;
export type TypeShown = Static<typeof objectTypeForm>;
export type AuditShown = Static<typeof auditForm>;
export type ChangeShown = Static<typeof changeEvent>;
/** A change or other work that could not be applied. */
export type LetterShown = Static<typeof letterForm>;
export type RetriedShown = Static<typeof retriedForm>;
/** An event that could not be delivered. */
export type UndeliveredShown = Static<typeof undeliveredForm>;
export type CreatedActivationShown = Static<typeof createdActivationForm>;
export type AttemptShown = Static<typeof attemptForm>;
export type SyncShown = Static<typeof syncForm>;
export type JobShown = Static<typeof jobForm>;
export type SeedEntryShown = Static<typeof seedEntryForm>;

/** An item of a seed that would be refused, and why. */
export interface SeedErrorShown extends Omit<SeedEntryShown, 'changed'> {
  readonly index: number;
  readonly detail: string;
  readonly errors: readonly Fault[];
}

export interface SeedReportShown {
  readonly create: readonly SeedEntryShown[];
  readonly update: readonly SeedEntryShown[];
  readonly unchanged: readonly SeedEntryShown[];
  readonly errors: readonly SeedErrorShown[];
  readonly totals: Readonly<Record<'create' | 'update' | 'unchanged', number>>;
}

export interface WholeTypeShown extends TypeShown {
  /** By its name here, the type and the relationship of it that lead here. */
  readonly inverse_relationships: Readonly<
    Record<string, { readonly type: string; readonly relationship: string }>
  >;
}

/** How many records are in a segment. `gone`: it was deleted meanwhile. */
export interface CountShown {
  readonly slug: string;
  readonly count: number | null;
  readonly status: 'ready' | 'building' | 'timeout' | 'failed' | 'gone';
  readonly revision: number | null;
}

/** One hour or day of a segment's past; null where nothing is known. */
export interface HistoryShown {
  readonly at: string;
  readonly count: number | null;
  readonly entered: number | null;
  readonly left: number | null;
}

export interface RecordShown {
  readonly object_type: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
  readonly archived_at: string | null;
}
