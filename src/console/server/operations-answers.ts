/**
 * operations-answers.ts – What the API answers of operations, as types of the server's own schemas:
 * dead letters, deliveries, jobs, seeds.
 */
import type { Static } from 'typebox';
import type {
  attemptForm,
  createdActivationForm,
  syncForm,
  undeliveredForm,
} from '../../api/activations/schemas.ts';
import type { letterForm, retriedForm } from '../../api/dead-letters/schemas.ts';
import type { jobForm } from '../../api/jobs/schemas.ts';
import type { seedEntryForm } from '../../api/seeds/schemas.ts';
import type { Fault } from '../../errors.ts';
import type { TypeShown } from './answers.ts';

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
interface SeedErrorShown extends Omit<SeedEntryShown, 'changed'> {
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
