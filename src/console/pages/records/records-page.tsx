/**
 * records-page.tsx – The records of a type: in the columns of a view, in and not in segments, with
 * conditions; exactly how many there are; as CSV, and as the beginning of a segment.
 */
import './records.css';
import { useQuery } from '@tanstack/react-query';
import { Download, Filter } from 'lucide-react';
import { type CSSProperties, type ReactNode, useDeferredValue, useRef, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { hasPage, type PageProps } from '../../pages.tsx';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { ChoiceMenu } from '../../parts/menu.tsx';
import { recordAddress } from '../../parts/record-names.ts';
import { keepDraft } from '../../parts/saved-draft.ts';
import { SearchField } from '../../parts/search-field.tsx';
import { useShortcuts } from '../../parts/shortcuts.ts';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { Table, type TableColumn } from '../../parts/table.tsx';
import { useMore } from '../../parts/use-more.ts';
import { valueText } from '../../parts/values.tsx';
import { countedText, numberText, timeText, titleText } from '../../parts/words.ts';
import type { TypeShown, ViewShown } from '../../server/answers.ts';
import { typesQuery, viewsQuery } from '../../server/queries.ts';
import { ServerRefusal } from '../../server/refusal.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { NEW_DRAFT } from '../builder/kept-draft.ts';
import { type RecordCells, type RecordColumn, recordColumns } from './columns.ts';
import { ConditionButton, ConditionTags } from './condition-form.tsx';
import {
  CSV_ROWS_MAX,
  downloadRows,
  downloadView,
  useExactCount,
  useRecordRows,
} from './record-rows.ts';
import { ChosenTags, SegmentPicker } from './segment-picker.tsx';
import {
  countedQuery,
  filterOf,
  keepConditions,
  keptConditions,
  type RecordsWish,
  readWish,
  rowsSource,
  takesConditions,
  viewRowsPath,
  wishSearch,
} from './wish.ts';

const ROW_HEIGHT = 44;
/** More columns than that scroll sideways. */
const COLUMNS_FIT = 8;
const BUILDER = '/segments/new';

export default function RecordsPage({ params }: PageProps) {
  const name = params['type']!;
  const types = useQuery(typesQuery);
  const views = useQuery(viewsQuery);
  const type = types.data?.find((each) => each.name === name);
  const title = titleText(name, type?.label);
  if (type && types.data && (views.data || views.error))
    return <Records key={name} type={type} types={types.data} views={views.data ?? []} />;
  return (
    <PageFrame title={title} crumbs={[{ title: 'Customer Data' }]}>
      {types.error && !types.data ? (
        <ErrorView error={types.error} onRetry={() => void types.refetch()} />
      ) : types.data && !type ? (
        <EmptyState
          title="There is no such object type."
          action={<ButtonLink to="/segments">Segments</ButtonLink>}
        />
      ) : (
        <div className="card">
          <SkeletonRows />
        </div>
      )}
    </PageFrame>
  );
}

/** What is wished, and a change of it; typing replaces the entry in the history of the browser. */
function useWish(type: string): [RecordsWish, (change: Partial<RecordsWish>) => void] {
  const search = useSearch();
  const [, goTo] = useLocation();
  const [conditions, setConditions] = useState(() => keptConditions(type));
  const wish = readWish(search, conditions);
  const change = (changed: Partial<RecordsWish>) => {
    const next = { ...wish, ...changed };
    if (changed.conditions) {
      setConditions(changed.conditions);
      keepConditions(type, changed.conditions);
    }
    const address = `/records/${encodeURIComponent(type)}${wishSearch(next)}`;
    goTo(address, { replace: changed.idPrefix !== undefined });
  };
  return [wish, change];
}

interface RecordsProps {
  readonly type: TypeShown;
  readonly types: readonly TypeShown[];
  readonly views: readonly ViewShown[];
}

function Records({ type, types, views }: RecordsProps) {
  const [wish, change] = useWish(type.name);
  const own = views.filter(({ object_type }) => object_type === type.name);
  const view = own.find(({ slug }) => slug === wish.view);
  const isViewGone = wish.view !== '' && !view;
  // What is typed is asked for when there is time, not with each letter.
  const asked = useDeferredValue(wish);
  const source = isViewGone ? undefined : rowsSource(type.name, asked, view);
  const { columns, leftOut } = recordColumns(type, types, view, source?.kind ?? 'list');
  const field = useRef<HTMLInputElement>(null);
  useShortcuts({ '/': () => field.current?.focus() });
  const rows = useRecordRows(source);
  const faults = faultsOf(rows.error);
  const isOpen = takesConditions(view);
  const choices = [['', 'Usual columns'], ...own.map(({ slug, title }) => [slug, title])] as [
    string,
    string,
  ][];
  return (
    <PageFrame
      title={titleText(type.name, type.label)}
      crumbs={[{ title: 'Customer Data' }]}
      subtitle={type.description}
      actions={
        <>
          {own.length > 0 ? (
            <ChoiceMenu
              label="View"
              choices={choices}
              value={view?.slug ?? ''}
              onChoose={(slug) => change({ view: slug })}
            />
          ) : null}
          <SegmentPicker objectType={type.name} chosen={wish} onChoose={change} />
        </>
      }
    >
      <div className="tools records-tools">
        <SearchField
          ref={field}
          label="Search by id"
          keyCap="/"
          value={wish.idPrefix}
          onChange={(idPrefix) => change({ idPrefix })}
        />
        {isOpen ? (
          <ConditionButton
            type={type}
            onAdd={(added) => change({ conditions: [...wish.conditions, added] })}
          />
        ) : null}
        <ChosenTags chosen={wish} onChoose={change} />
        {isOpen ? (
          <ConditionTags
            type={type}
            conditions={wish.conditions}
            faults={faults}
            onRemove={(at) =>
              change({ conditions: wish.conditions.filter((_, each) => each !== at) })
            }
          />
        ) : null}
        <div className="records-end">
          <HowMany type={type.name} query={isViewGone ? undefined : countedQuery(asked, view)} />
          <SaveAsSegment type={type} wish={wish} view={view} />
          {source ? (
            <CsvButton source={source} columns={columns} wish={asked} view={view} type={type} />
          ) : null}
        </div>
      </div>
      <Notes wish={wish} view={view} leftOut={leftOut} />
      {isViewGone ? (
        <EmptyState
          title="There is no such view of these records, or not any more."
          action={<Button onPress={() => change({ view: '' })}>Usual columns</Button>}
        />
      ) : (
        <RecordsTable type={type} columns={columns} read={rows} />
      )}
    </PageFrame>
  );
}

interface NotesProps {
  readonly wish: RecordsWish;
  readonly view: ViewShown | undefined;
  readonly leftOut: number;
}

/** What is chosen, and has no effect now. */
function Notes({ wish, view, leftOut }: NotesProps) {
  const { idPrefix, conditions, in: inside, notIn } = wish;
  const isNarrowed = conditions.length + inside.length + notIn.length > 0 || view !== undefined;
  const columns = leftOut === 0 ? '' : countedText(leftOut, 'column');
  const notes = [
    ...(idPrefix !== '' && isNarrowed
      ? ['Ids are looked for among all records: what else is chosen waits.']
      : []),
    ...(columns === ''
      ? []
      : [`${columns} about related records ${leftOut === 1 ? 'is' : 'are'} not shown meanwhile.`]),
    ...(takesConditions(view)
      ? []
      : [`The filter of “${view?.title}” is not made of rules: it takes no conditions here.`]),
  ];
  return notes.length === 0 ? null : <p className="records-note">{notes.join(' ')}</p>;
}

/** Faults of the conditions that were added, by their place; they come first in the filter. */
function faultsOf(error: unknown): ReadonlyMap<number, string> {
  const faults = error instanceof ServerRefusal && error.status === 422 ? error.faults : [];
  return new Map(
    faults.flatMap(({ path, detail }): [number, string][] => {
      const at = /^\/query\/rules\/(\d+)(?:\/|$)/.exec(path)?.[1];
      return at === undefined ? [] : [[Number(at), detail]];
    }),
  );
}

function HowMany({ type, query }: { readonly type: string; readonly query: unknown }) {
  const { data, error, isPlaceholderData } = useExactCount(type, query);
  if (query === undefined || (error && !data)) return null;
  if (!data) return <span className="skeleton records-count" />;
  const { count, of, as_of_time } = data;
  return (
    <span
      className={`records-count number${isPlaceholderData ? ' quiet' : ''}`}
      role="status"
      title={`Exact as of ${timeText(as_of_time)}`}
    >
      {count === null ? 'Not counted in time' : <b>{numberText(count)}</b>} of {numberText(of)}
    </span>
  );
}

interface SaveAsSegmentProps {
  readonly type: TypeShown;
  readonly wish: RecordsWish;
  readonly view: ViewShown | undefined;
}

/** Leads to the builder, with the filter as its draft. */
function SaveAsSegment({ type, wish, view }: SaveAsSegmentProps) {
  const [, goTo] = useLocation();
  const may = useMay('write_catalog') && hasPage(BUILDER);
  const query = filterOf(wish, view);
  if (!may || !query || query.rules.length === 0) return null;
  const save = () => {
    keepDraft(NEW_DRAFT, { object_type: type.name, query });
    goTo(`${BUILDER}?type=${encodeURIComponent(type.name)}`);
  };
  return (
    <Button onPress={save}>
      <Filter className="icon" aria-hidden="true" />
      Save as segment
    </Button>
  );
}

interface CsvButtonProps extends SaveAsSegmentProps {
  readonly source: NonNullable<Parameters<typeof useRecordRows>[0]>;
  readonly columns: readonly RecordColumn[];
}

function CsvButton({ source, columns, wish, view, type }: CsvButtonProps) {
  const [state, setState] = useState<ReactNode>(null);
  const [isBusy, setIsBusy] = useState(false);
  const run = async () => {
    setIsBusy(true);
    setState(null);
    try {
      const name = `${view?.slug ?? type.name}.csv`;
      if (view && source.kind === 'view') await downloadView(viewRowsPath(view.slug, wish), name);
      else if (!(await downloadRows(source, columns, name)))
        setState(`The first ${numberText(CSV_ROWS_MAX)} rows. A view has no such bound.`);
    } catch (error) {
      setState(error instanceof Error ? error.message : String(error));
    }
    setIsBusy(false);
  };
  return (
    <>
      <span className="left" role="status">
        {state}
      </span>
      <Button onPress={() => void run()} isDisabled={isBusy}>
        <Download className="icon" aria-hidden="true" />
        {isBusy ? 'Reading …' : 'CSV'}
      </Button>
    </>
  );
}

interface RecordsTableProps {
  readonly type: TypeShown;
  readonly columns: readonly RecordColumn[];
  readonly read: ReturnType<typeof useRecordRows>;
}

function RecordsTable({ type, columns, read }: RecordsTableProps) {
  const rows = read.data?.pages.flatMap((page) => page.rows) ?? [];
  const onSeen = useMore(read, rows);
  const title = titleText(type.name, type.label);
  if (read.error) return <ErrorView error={read.error} onRetry={() => void read.refetch()} />;
  if (!read.data || (rows.length === 0 && read.hasNextPage))
    return (
      <div className="card">
        <SkeletonRows />
      </div>
    );
  if (rows.length === 0) return <EmptyState title="No record is like that." />;
  const isWide = columns.length > COLUMNS_FIT;
  const [first, other] = isWide ? ['200px', '150px'] : ['0', '0'];
  const others = `repeat(${columns.length - 1}, minmax(${other}, 1fr))`;
  const widths = `minmax(${first}, 1.5fr) ${others}`;
  return (
    <section
      className={`records${isWide ? ' is-wide' : ''}${read.isPlaceholderData ? ' is-old' : ''}`}
      aria-label={title}
      style={{ '--columns': columns.length === 1 ? '1fr' : widths } as CSSProperties}
      {...(isWide ? { tabIndex: 0 } : {})}
    >
      <Table
        label={title}
        className="records-table"
        rows={rows}
        rowHeight={ROW_HEIGHT}
        columns={columns.map((column, at) => tableColumn(column, at, type.name))}
        keyOf={({ id }) => id}
        onSeen={onSeen}
      />
      {read.hasNextPage ? <p className="unseen">More rows are read as one scrolls.</p> : null}
    </section>
  );
}

function tableColumn(column: RecordColumn, at: number, type: string): TableColumn<RecordCells> {
  const { field, title, attribute, isRight } = column;
  const text = ({ values }: RecordCells) => valueText(values[field], attribute);
  return {
    name: `n${at}`,
    title,
    isRight: isRight && at > 0,
    cell: (row) =>
      at > 0 ? (
        <span className="value">{text(row)}</span>
      ) : (
        <span className="value">
          <Link className="member-name" href={recordAddress(type, row.id)}>
            {text(row) || row.id}
          </Link>
          {field === 'id' || text(row) === '' ? null : (
            <span className="code quiet"> {row.id}</span>
          )}
        </span>
      ),
  };
}
