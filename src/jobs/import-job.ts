/**
 * import-job.ts – Carries out an import, piece by piece.
 *
 * Keeps true: each row becomes one change like any other, or is listed with its line and the fault.
 * A piece is noted as done only when its changes are applied. A piece that is repeated after a
 * crash leaves what it left the first time.
 */
import { readCells } from '../change/cells.ts';
import { OPERATIONS, type Operation } from '../change/change.ts';
import { inexactNumbers, inexactProblem } from '../change/exact-json.ts';
import { isObject, type ObjectType } from '../change/object-type.ts';
import type { TextForm } from '../change/text-form.ts';
import type { Deployment } from '../engine/deployment.ts';
import type { IngestSession } from '../engine/ingest.ts';
import { type ErrorCode, Problem, pointer } from '../errors.ts';
import { applyChanges } from './apply-changes.ts';
import type { FileFormat } from './file-format.ts';
import type { JobContext } from './jobs.ts';

/** A line that could not be read. */
interface UnreadRow {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** A line of NDJSON, the cells of a row of CSV, or why there are none. */
export type ImportRow = readonly [line: number, content: string | readonly string[] | UnreadRow];

/** The operation of a row on its record. */
export const IMPORT_OPERATIONS = ['put', 'patch'] as const satisfies readonly Operation[];

/** The treatment of a row of CSV that has fewer cells than the header. */
export const SHORT_ROWS = ['refuse', 'pad'] as const;
export type ShortRows = (typeof SHORT_ROWS)[number];

/** The parameters of an import. */
export interface ImportOrder {
  readonly object_type: string;
  readonly format: FileFormat;
  /**
   * `put` makes a record what its row says, `patch` changes what the row has values or blanks for.
   */
  readonly op: (typeof IMPORT_OPERATIONS)[number];
  /**
   * Of NDJSON: the member that holds the id, and what others are called as attributes ('': they are
   * left out).
   */
  readonly id_member?: string;
  readonly map?: Readonly<Record<string, string>>;
  /** Of CSV. */
  readonly id_column?: number;
  readonly columns?: readonly (string | null)[];
  /** Columns in which nothing may stand. */
  readonly untitled?: readonly number[];
  readonly short_rows?: ShortRows;
  readonly form?: TextForm;
}

export interface ImportResult {
  readonly accepted: number;
  readonly rejected: number;
  /** Of CSV: rows that were empty, and titles that are no attribute's. */
  readonly skipped?: number;
  readonly unknown_columns?: readonly string[];
}

/**
 * The members that the API answers of a record beside its id: all but the data and the source's
 * number are ignored.
 */
const RECORD_MEMBERS = new Set([
  'data',
  'object_type',
  'source_version',
  'version',
  'created_at',
  'updated_at',
  'archived_at',
]);

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
    if (!type)
      throw new Problem(
        'object_type_unknown',
        `there is no object type '${order.object_type}' any more`,
      );
    const { accepted, rejected } = await applyChanges(ingest, async (session) => {
      for (const row of piece) await take(row, order, type, timeZone, session);
    });
    const result = {
      ...before,
      accepted: before.accepted + accepted,
      rejected: before.rejected + rejected.length,
    };
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
    const read =
      typeof content === 'string'
        ? readLine(content, order, type)
        : readRow(content, order, type, timeZone);
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
  order: ImportOrder,
  type: ObjectType,
  timeZone: string,
): ReadRow {
  if ('code' in content) throw new Problem(content.code, content.detail);
  const { op, id_column: idColumn = 0, columns = [], form } = order;
  refuseMisshapen(content, order);
  return {
    id: (content[idColumn] ?? '').trim(),
    data: readCells(columns, content, type, {
      timeZone,
      empty: op === 'patch' ? null : undefined,
      form,
    }),
  };
}

/**
 * A row with a cell too few or too many is likely shifted: its values may stand under the wrong
 * titles.
 */
function refuseMisshapen(
  cells: readonly string[],
  { columns = [], untitled = [], short_rows: shortRows = 'refuse' }: ImportOrder,
): void {
  const wrong = (detail: string) => new Problem('line_malformed', detail);
  if (cells.slice(columns.length).some((cell) => cell.trim() !== ''))
    throw wrong(`the row has ${cells.length} cells, the header ${columns.length}`);
  const filled = untitled.find((at) => (cells[at] ?? '').trim() !== '');
  if (filled !== undefined)
    throw wrong(`the row has a value in column ${filled + 1}, which has no title`);
  const needed = columns.findLastIndex((_, at) => !untitled.includes(at)) + 1;
  if (cells.length >= needed || shortRows === 'pad') return;
  const remedy = 'write each empty cell with its delimiter, or in a put say ?short_rows=pad';
  throw wrong(`the row has ${cells.length} cells, the header ${needed}; ${remedy}`);
}

/**
 * A record as the API gives it (`{ "id", "data": {…} }`), or flat: the id among the attributes.
 * @throws Problem
 */
function readLine(
  text: string,
  { id_member: idMember = 'id', map = {} }: ImportOrder,
  type: ObjectType,
): ReadRow {
  const given = parse(text);
  if (!isObject(given)) throw new Problem('line_malformed', 'a line is a JSON object: a record');
  refuseForeign(given, idMember, type);
  const { [idMember]: id, data, source_version: version } = given;
  refuseInexact(text, isObject(data), idMember, map);
  if (isObject(data)) {
    const read = { id, data: renamed(data, map) };
    return version === undefined ? read : { ...read, source_version: version };
  }
  const attributes: Record<string, unknown> = { ...given };
  delete attributes[idMember];
  if (!type.attributes.has('object_type')) delete attributes['object_type'];
  return { id, data: renamed(attributes, map) };
}

/**
 * Refuses what belongs to /v1/changes, for another type, or can be read in two ways. An object
 * `data` always holds the attributes, also of a type that has an attribute of that name. A flat
 * `op` is taken for an attribute only where it is declared, and nothing else marks the line as a
 * change.
 * @throws Problem line_malformed
 */
function refuseForeign(
  given: Readonly<Record<string, unknown>>,
  idMember: string,
  type: ObjectType,
): void {
  const wrong = (path: string, detail: string) =>
    new Problem('line_malformed', detail, [{ path, detail }]);
  const { op, data, object_type: typeName } = given;
  const isWrapped = isObject(data);
  const isType = !isWrapped && type.attributes.has('object_type');
  const isChange = OPERATIONS.includes(op as Operation) && (typeName !== undefined || isWrapped);
  if (op !== undefined && (isChange || !type.attributes.has('op')))
    throw wrong(
      '/op',
      'this is a line of changes; send it to /v1/changes, or put op into "data" if ' +
        'it is an attribute',
    );
  if (!isType && typeName !== undefined && typeName !== type.name)
    throw wrong(
      '/object_type',
      `the line is of ${JSON.stringify(typeName)}, this import of '${type.name}'`,
    );
  if (data === null && !type.attributes.has('data'))
    throw wrong('/data', '"data" is an object of attributes, for example {"id":"c-17","data":{}}');
  if (!isWrapped) return;
  const other = Object.keys(given).find((name) => name !== idMember && !RECORD_MEMBERS.has(name));
  if (other === undefined) return;
  const rule = 'attributes are all in "data", or all beside the id';
  const detail = `'${other}' stands beside "data"; ${rule}`;
  throw wrong(pointer('', other), detail);
}

/** @throws Problem line_malformed if two members would become one */
function renamed(data: Readonly<Record<string, unknown>>, map: Readonly<Record<string, string>>) {
  const moved = Object.keys(map).filter((name) => Object.hasOwn(data, name));
  if (moved.length === 0) return data;
  const attributes = { ...data };
  for (const name of moved) delete attributes[name];
  for (const name of moved) {
    const to = map[name]!;
    if (to === '') continue;
    if (Object.hasOwn(attributes, to))
      throw new Problem('line_malformed', `'${name}' is mapped to '${to}', which the line has too`);
    attributes[to] = data[name];
  }
  return attributes;
}

/**
 * A pointer leads to the attribute, as that of any other fault does. What is left out may be what
 * it likes: nothing of it is kept.
 * @throws Problem number_inexact
 */
function refuseInexact(
  text: string,
  isRecord: boolean,
  idMember: string,
  map: Readonly<Record<string, string>>,
): void {
  const attributeAt = (path: string) => attributePath(path, isRecord, idMember, map);
  const faults = inexactNumbers(text, (path) => attributeAt(path) !== undefined);
  if (faults.length > 0)
    throw inexactProblem(faults.map(({ path, detail }) => ({ path: attributeAt(path)!, detail })));
}

/** The pointer into the change that a line becomes; undefined: `map` leaves it out. */
function attributePath(
  path: string,
  isRecord: boolean,
  idMember: string,
  map: Readonly<Record<string, string>>,
): string | undefined {
  if (isRecord ? !path.startsWith('/data/') : path === pointer('', idMember)) return path;
  const inData = isRecord ? path.slice('/data'.length) : path;
  for (const [name, to] of Object.entries(map)) {
    const head = pointer('', name);
    if (inData !== head && !inData.startsWith(`${head}/`)) continue;
    return to === '' ? undefined : `/data${pointer('', to)}${inData.slice(head.length)}`;
  }
  return `/data${inData}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem('line_malformed', `not JSON: ${(error as Error).message}`);
  }
}
