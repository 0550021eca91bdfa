/**
 * columns.ts – The columns of a table of records, and what stands in them.
 *
 * Keeps true: a cell shows what the server answered for this column, in the format of its
 * attribute. Of records that come without their related ones, columns about those are left out, not
 * empty.
 */
import { titleAttribute } from '../../parts/record-names.ts';
import { targetOf } from '../../parts/relationships.ts';
import type { AttributeShown } from '../../parts/values.tsx';
import { titleText } from '../../parts/words.ts';
import type { RecordShown, TypeShown, ViewShown } from '../../server/answers.ts';
import type { RowsSource } from './wish.ts';

export interface RecordColumn {
  readonly path: string;
  readonly title: string;
  readonly attribute?: AttributeShown | undefined;
  readonly isRight: boolean;
  /** The name of its field in a row of a view. */
  readonly field: string;
}

export interface RecordCells {
  readonly id: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Beside the name. */
const USUAL_MAX = 5;
const OWN = ['id', 'created_at', 'updated_at', 'version'];

export interface ColumnsShown {
  /** The first one leads to the record. */
  readonly columns: readonly RecordColumn[];
  /** Columns of the view that are about related records, and are not there now. */
  readonly leftOut: number;
}

export function recordColumns(
  type: TypeShown,
  types: readonly TypeShown[],
  view: ViewShown | undefined,
  source: RowsSource['kind'],
): ColumnsShown {
  if (!view) return { columns: usualColumns(type), leftOut: 0 };
  const all = view.columns.map((column): RecordColumn => {
    const { path, label, aggregate } = column;
    const attribute = attributeAt(type, path, types);
    const isNumber = aggregate !== undefined || attribute?.type === 'number';
    const isCount = aggregate === 'count';
    return {
      path,
      title: label ?? (path.includes('.') ? path : titleText(path, attribute?.label)),
      attribute: isCount ? undefined : attribute,
      isRight: isNumber,
      field: aggregate === undefined ? path : (label ?? path),
    };
  });
  const isOwn = ({ path }: RecordColumn, at: number) =>
    view.columns[at]!.aggregate === undefined && !path.includes('.');
  const columns = source === 'view' ? all : all.filter(isOwn);
  return {
    columns: columns.length === 0 ? [idColumn()] : columns,
    leftOut: all.length - columns.length,
  };
}

function usualColumns(type: TypeShown): RecordColumn[] {
  const title = titleAttribute(type);
  const others = Object.entries(type.attributes)
    .filter(([name, { type: kind }]) => name !== title && kind !== 'object')
    .slice(0, USUAL_MAX);
  const first = title === undefined ? idColumn() : columnOf(title, type.attributes[title]);
  const last = columnOf('updated_at', { type: 'datetime' });
  return [first, ...others.map(([name, attribute]) => columnOf(name, attribute)), last];
}

function idColumn(): RecordColumn {
  return { path: 'id', title: 'Id', isRight: false, field: 'id' };
}

function columnOf(path: string, attribute: AttributeShown | undefined): RecordColumn {
  const isRight = attribute?.type === 'number';
  return { path, title: titleText(path, attribute?.label), attribute, isRight, field: path };
}

/** The attribute at the end of a way. */
function attributeAt(
  type: TypeShown,
  path: string,
  types: readonly TypeShown[],
): AttributeShown | undefined {
  if (OWN.includes(path)) return path.endsWith('_at') ? { type: 'datetime' } : undefined;
  let at: TypeShown | undefined = type;
  const steps = path.split('.');
  for (const step of steps.slice(0, -1)) at = targetOf(at, step, types);
  return at?.attributes[steps.at(-1)!];
}

/** A record as a row: the same fields as those of a view's row. */
export function rowOfRecord({
  id,
  data,
  created_at,
  updated_at,
  version,
}: RecordShown): RecordCells {
  return { id, values: { ...data, id, created_at, updated_at, version } };
}
