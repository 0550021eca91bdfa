/**
 * import-job.ts – Works off the rows of an import, piece by piece.
 *
 * Keeps true: each row becomes one change and goes the way of all changes, or is told of with its line; a piece is noted as done
 * only when its changes are applied. A piece that is worked off a second time after a crash leaves what it left the first time.
 */
import { readCells } from '../change/cells.ts';
import { inexactNumbers, inexactProblem } from '../change/exact-json.ts';
import { isObject, type ObjectType } from '../change/object-type.ts';
import type { Deployment } from '../engine/deployment.ts';
import type { IngestSession } from '../engine/ingest.ts';
import { type ErrorCode, Problem } from '../errors.ts';
import { applyChanges } from './apply-changes.ts';
import type { JobContext } from './jobs.ts';

/** A line that could not be read. */
interface UnreadRow {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** A line of NDJSON, the cells of a row of CSV, or why there are none. */
export type ImportRow = readonly [line: number, content: string | readonly string[] | UnreadRow];

/** What an import is asked to do. */
export interface ImportOrder {
  readonly object_type: string;
  readonly format: 'ndjson' | 'csv';
  /** `put` makes a record what its row says, `patch` changes what the row has values or blanks for. */
  readonly op: 'put' | 'patch';
  /** Of CSV. */
  readonly id_column?: number;
  readonly columns?: readonly (string | null)[];
}

interface ImportResult {
  readonly accepted: number;
  readonly rejected: number;
}

/** What the API says of a record beside its id and its data: taken along in a file of records, and ignored. */
const RECORD_MEMBERS = new Set(['id', 'data', 'object_type', 'version', 'created_at', 'updated_at', 'archived_at']);

export async function runImport(
  { asked, run, pause }: JobContext,
  { store, ingest, founding: { timeZone } }: Pick<Deployment, 'store' | 'ingest' | 'founding'>,
): Promise<void> {
  const order = asked as unknown as ImportOrder;
  for (;;) {
    pause();
    const before = (run.state.result as ImportResult | undefined) ?? { accepted: 0, rejected: 0 };
    const piece = (await run.input(0)) as readonly ImportRow[] | undefined;
    if (!piece) return run.advance({ state: { ...run.state, result: before }, isLast: true });
    const { objectTypes } = await store.refresh();
    const type = objectTypes.get(order.object_type);
    if (!type) throw new Problem('object_type_unknown', `there is no object type '${order.object_type}' any more`);
    const { accepted, rejected } = await applyChanges(ingest, async (session) => {
      for (const row of piece) await take(row, order, type, timeZone, session);
    });
    const result = { accepted: before.accepted + accepted, rejected: before.rejected + rejected.length };
    const state = { ...run.state, done: run.state.done + piece.length, result };
    await run.advance({ state, inputDone: 1, errors: rejected });
  }
}

function take(
  [line, content]: ImportRow,
  order: ImportOrder,
  type: ObjectType,
  timeZone: string,
  session: IngestSession,
): Promise<void> | undefined {
  try {
    const read = typeof content === 'string' ? readLine(content) : readRow(content, order, type, timeZone);
    return session.addParsed(line, { op: order.op, object_type: type.name, ...read });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return void session.reject(line, error);
  }
}

interface ReadRow {
  readonly id: unknown;
  readonly data: unknown;
  readonly source_version?: unknown;
}

/** @throws Problem */
function readRow(
  content: readonly string[] | UnreadRow,
  { op, id_column: idColumn = 0, columns = [] }: ImportOrder,
  type: ObjectType,
  timeZone: string,
): ReadRow {
  if ('code' in content) throw new Problem(content.code, content.detail);
  if (content.length > columns.length && content.slice(columns.length).some((cell) => cell !== '')) {
    throw new Problem('line_malformed', `the row has ${content.length} cells, the header ${columns.length}`);
  }
  return {
    id: content[idColumn] ?? '',
    data: readCells(columns, content, type, timeZone, op === 'patch' ? null : undefined),
  };
}

/** A record as the API gives it (`{ "id", "data": {…} }`), or flat: the id among the attributes. @throws Problem */
function readLine(text: string): ReadRow {
  const given = parse(text);
  if (!isObject(given)) throw new Problem('line_malformed', 'a line is a JSON object: a record');
  const { id, data, source_version: version } = given;
  const isRecord =
    isObject(data) && Object.keys(given).every((name) => RECORD_MEMBERS.has(name) || name === 'source_version');
  refuseInexact(text, isRecord);
  if (isRecord) return version === undefined ? { id, data } : { id, data, source_version: version };
  const { id: _, ...attributes } = given;
  return { id, data: attributes };
}

/**
 * Of a flat line a pointer leads into its data, as that of any other fault does.
 * @throws Problem number_inexact
 */
function refuseInexact(text: string, isRecord: boolean): void {
  const faults = inexactNumbers(text);
  if (faults.length === 0) return;
  const isFlat = (path: string) => !isRecord && path !== '/id';
  throw inexactProblem(faults.map(({ path, detail }) => ({ path: isFlat(path) ? `/data${path}` : path, detail })));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('line_malformed', `not JSON: ${(error as Error).message}`);
  }
}
