/**
 * errors.ts – Every failure that the world can cause, in one table: code, HTTP status, title.
 *
 * Keeps true: a code occurs once; whoever answers for the world's faults throws a `Problem` with a
 * code of this table, and whoever finds a bug of ours throws through `assert` or `unreachable`.
 * There is no third kind of failure.
 */

interface ErrorKind {
  readonly status: number;
  readonly title: string;
}

export const ERRORS = {
  // what was sent is malformed
  request_malformed: { status: 400, title: 'The request is not valid HTTP' },
  request_timeout: { status: 408, title: 'The request took too long to come' },
  headers_too_long: { status: 431, title: 'The headers are longer than the limit' },
  body_malformed: { status: 400, title: 'The body could not be read' },
  body_invalid: { status: 422, title: 'The body does not have the expected form' },
  parameter_invalid: { status: 400, title: 'A parameter has an invalid value' },
  cursor_invalid: { status: 400, title: 'The cursor is not one that this endpoint gave out' },
  cursor_expired: { status: 410, title: 'What the cursor goes on in is not kept any more' },
  not_acceptable: { status: 406, title: 'No form that is accepted can be answered' },
  content_type_unsupported: { status: 415, title: 'The content type is not supported here' },
  line_malformed: { status: 400, title: 'The line is not a JSON object' },
  line_too_long: { status: 413, title: 'The line is longer than the limit' },
  body_too_long: { status: 413, title: 'The body is longer than the limit' },
  change_invalid: { status: 422, title: 'The change does not have the expected form' },
  record_id_invalid: { status: 422, title: 'The record id is not valid' },
  attribute_invalid: { status: 422, title: 'An attribute does not fit its declared type' },
  number_inexact: { status: 422, title: 'A number has more digits than can be kept' },
  // filters
  query_invalid: { status: 422, title: 'The query is not valid' },
  query_too_costly: { status: 422, title: 'The query could cost more than a query may' },
  // catalog
  object_type_invalid: { status: 422, title: 'The object type is not valid' },
  object_type_unknown: { status: 404, title: 'There is no such object type' },
  object_type_in_use: { status: 409, title: 'The object type is in use' },
  segment_invalid: { status: 422, title: 'The segment is not valid' },
  segment_unknown: { status: 404, title: 'There is no such segment' },
  segment_slug_taken: { status: 409, title: 'The slug is taken' },
  segment_in_use: { status: 409, title: 'The segment is in use' },
  segment_building: { status: 503, title: 'The segment is still being built' },
  segment_failed: { status: 503, title: 'The segment has failed' },
  relationship_building: { status: 503, title: 'The relationship is still being built' },
  view_invalid: { status: 422, title: 'The view is not valid' },
  view_unknown: { status: 404, title: 'There is no such view' },
  view_too_large: { status: 422, title: 'The view shows more records than can be sorted' },
  view_slug_taken: { status: 409, title: 'The slug is taken' },
  activation_invalid: { status: 422, title: 'The activation is not valid' },
  activation_unknown: { status: 404, title: 'There is no such activation' },
  sync_unknown: { status: 404, title: 'There was no such sync' },
  activation_disabled: { status: 409, title: 'The activation is disabled' },
  catalog_full: { status: 409, title: 'The catalog holds as much as it may' },
  catalog_conflict: {
    status: 409,
    title: 'The catalog was changed by someone else too often; try again',
  },
  // records
  record_unknown: { status: 404, title: 'There is no such record' },
  change_dead: {
    status: 422,
    title: 'The change could not be applied and was put with the dead letters',
  },
  dead_letter_unknown: { status: 404, title: 'There is no such dead letter' },
  dead_letter_unreadable: { status: 409, title: 'The dead letter can not be tried again' },
  audit_unknown: { status: 404, title: 'There is no such audit' },
  audit_running: { status: 409, title: 'An audit runs already' },
  // jobs
  seed_invalid: {
    status: 422,
    title: 'The seed holds items that can not be imported; nothing was changed',
  },
  job_unknown: { status: 404, title: 'There is no such job' },
  job_result_missing: { status: 404, title: 'The job has no result to download' },
  // who is asking
  key_missing: { status: 401, title: 'A valid key is needed' },
  role_insufficient: { status: 403, title: 'The role of this key does not allow that' },
  origin_refused: { status: 403, title: 'A page of another site may not do that' },
  // preconditions
  precondition_failed: {
    status: 412,
    title: 'It is not what the request has made a condition of',
  },
  // idempotency
  idempotency_key_reused: {
    status: 422,
    title: 'The Idempotency-Key was used with another request',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'A request with this Idempotency-Key is still being worked on',
  },
  // the state of the server
  overloaded: { status: 429, title: 'More is asked for at a time than the limit allows' },
  redis_full: { status: 503, title: 'Redis is full and takes no writes' },
  redis_unavailable: { status: 503, title: 'Redis can not be reached' },
  not_caught_up: { status: 503, title: 'What was acknowledged before is not applied yet' },
  not_ready: { status: 503, title: 'The server is not ready' },
  shutting_down: { status: 503, title: 'The server is shutting down' },
  route_unknown: { status: 404, title: 'There is nothing at this path' },
  method_not_allowed: { status: 405, title: 'This path does not take that method' },
  row_unreadable: { status: 500, title: 'What is stored in Redis can not be read' },
  internal: { status: 500, title: 'A fault of the server' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault in what was sent: `path` is a JSON pointer (RFC 6901) into it. */
export interface Fault {
  readonly path: string;
  readonly detail: string;
}

/**
 * A failure that the world caused. `extra` members are added to the problem document (`used_by`,
 * `retry_after_s`, …).
 */
export class Problem extends Error {
  readonly code: ErrorCode;
  readonly errors: readonly Fault[];
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    detail: string,
    errors: readonly Fault[] = [],
    extra: Record<string, unknown> = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.errors = errors;
    this.extra = extra;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** A bug of ours: stops whoever runs into it, loudly. */
export function assert(condition: unknown, why: string): asserts condition {
  if (!condition) throw new Error(`bug: ${why}`);
}

/** Makes the compiler list the places that must learn of a new variant. */
export function unreachable(value: never): never {
  throw new Error(`bug: unreachable variant ${JSON.stringify(value)}`);
}

/** One step of a JSON pointer, escaped by RFC 6901. */
export function pointer(base: string, step: string | number): string {
  return `${base}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
