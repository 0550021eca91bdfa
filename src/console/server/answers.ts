/**
 * answers.ts – What the API answers, as types of the server's own schemas.
 */
import type { Static } from 'typebox';
import type { activationForm } from '../../api/activations/schemas.ts';
import type { auditForm } from '../../api/audits/schemas.ts';
import type { changeEvent } from '../../api/feed/schemas.ts';
import type { objectTypeForm } from '../../api/object-types/schemas.ts';
import type { segmentForm } from '../../api/segments/schemas.ts';
import type { sessionForm } from '../../api/session/schemas.ts';
import type { viewForm } from '../../api/views/schemas.ts';
import type { listOperators } from '../../query/dialects/operator-list.ts';

/** Who has signed in, and what they may do. */
export type SignedInAs = Static<typeof sessionForm>;
export type MayDo = SignedInAs['capabilities'][number];

export type SegmentShown = Static<typeof segmentForm>;
export type ViewShown = Static<typeof viewForm>;
export type ActivationShown = Static<typeof activationForm>;
export type TypeShown = Static<typeof objectTypeForm>;
export type AuditShown = Static<typeof auditForm>;
export type ChangeShown = Static<typeof changeEvent>;

export type OperatorsShown = ReturnType<typeof listOperators>;

/** What the server is. Filters mean days and months in its zone. */
export interface InfoShown {
  readonly version: string;
  readonly time_zone: string;
  readonly now: string;
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
  readonly source_version?: number;
  readonly created_at: string;
  readonly updated_at: string;
  readonly archived_at: string | null;
}

/** A part of a filter as it was judged (api/explain/schemas.ts). */
export interface ExplainedPartShown {
  readonly path: string;
  readonly kind: 'group' | 'rule' | 'match' | 'aggregate' | 'segment' | 'json_logic';
  readonly words: string;
  readonly passed: boolean;
  readonly combinator?: 'and' | 'or' | 'mixed';
  readonly not?: boolean;
  readonly seen?: unknown;
  readonly expected?: unknown;
  readonly seen_words?: string;
  readonly matching?: number | null;
  readonly of?: number | null;
  readonly value?: unknown;
  readonly related?: readonly RelatedRecordShown[];
  readonly flips_at?: string | null;
  readonly children?: readonly ExplainedPartShown[];
}

/** A related record that decides a condition, or does not satisfy it. */
export interface RelatedRecordShown {
  readonly object_type: string;
  readonly id: string;
  readonly title: string;
  readonly passed: boolean;
  readonly seen: Readonly<Record<string, unknown>>;
  readonly flips_at: string | null;
}

export interface ExplanationShown {
  readonly member: boolean;
  readonly stored: boolean | null;
  readonly agrees: boolean;
  readonly id: string;
  readonly title: string;
  readonly exists: boolean;
  readonly archived: boolean;
  readonly revision: number | null;
  readonly as_of_time: string;
  readonly since: string | null;
  readonly next: {
    readonly at: string | null;
    readonly member?: boolean;
    readonly searched_until?: string;
  } | null;
  readonly words: string;
  readonly tree: ExplainedPartShown;
}

export interface RevisionShown {
  readonly revision: number;
  readonly at: string;
  readonly by: string | null;
  readonly title: string;
  readonly description?: string;
  readonly query: unknown;
}
