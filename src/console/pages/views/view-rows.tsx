/**
 * view-rows.tsx – The rows of a saved view as they are now, in the columns of the draft; and all of
 * them as a file.
 */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { type CSSProperties, useState } from 'react';
import { Link } from 'wouter';
import { hasPage } from '../../pages.tsx';
import { Button } from '../../parts/button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { Table, type TableColumn } from '../../parts/table.tsx';
import { useMore } from '../../parts/use-more.ts';
import { cellText } from '../../parts/words.ts';
import type { ViewShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { useChanges } from '../../stream/use-stream.ts';
import { useDownload } from './download.ts';
import { labelOf, type ViewDraft } from './view-draft.ts';
import { viewPath } from './view-query.ts';

const PAGE_ROWS = 100;
const ROW_HEIGHT = 44;
/**
 * Rows are read again by themselves as long as they are few. Those of a sorted view are not: the
 * server keeps an order for each read.
 */
const LOOK_MS = 10_000;
const LOOKED_AT_PAGES = 3;

type RowShown = Readonly<Record<string, unknown>> & { readonly id: string };

interface RowsPage {
  readonly data: readonly RowShown[];
  readonly next_cursor: string | null;
}

const FILES = [
  ['CSV', 'text/csv', 'csv', ''],
  ['CSV for Excel', 'text/csv', 'csv', '?bom=true'],
  ['NDJSON', 'application/x-ndjson', 'ndjson', ''],
] as const;

interface ViewRowsProps {
  readonly view: ViewShown;
  readonly draft: ViewDraft;
}

export function ViewRows({ view, draft }: ViewRowsProps) {
  const { slug, revision, segment, sort = [] } = view;
  const download = useDownload();
  const [hasMoved, setHasMoved] = useState(false);
  return (
    <Panel
      title="Rows"
      beside={
        <span className="quiet" role="status">
          {download.text}
        </span>
      }
      actions={
        download.isRunning ? (
          <Button size="small" onPress={download.stop}>
            Stop
          </Button>
        ) : (
          FILES.map(([title, accept, ending, query]) => (
            <Button
              key={title}
              size="small"
              onPress={() =>
                download.begin(`${viewPath(slug)}/rows${query}`, accept, `${slug}.${ending}`)
              }
            >
              <Download className="icon" aria-hidden="true" />
              {title}
            </Button>
          ))
        )
      }
    >
      <Rows
        key={`${slug} ${revision}`}
        view={view}
        draft={draft}
        isSorted={sort.length > 0}
        hasMoved={hasMoved}
        onSeen={() => setHasMoved(false)}
      />
      {segment === undefined ? null : <Moves slug={segment} onMove={() => setHasMoved(true)} />}
    </Panel>
  );
}

/** Tells that somebody joined or left. */
function Moves({ slug, onMove }: { readonly slug: string; readonly onMove: () => void }) {
  useChanges(slug, onMove);
  return null;
}

interface RowsProps extends ViewRowsProps {
  readonly isSorted: boolean;
  /** Whether somebody joined or left since they were read. */
  readonly hasMoved: boolean;
  readonly onSeen: () => void;
}

function Rows({ view, draft, isSorted, hasMoved, onSeen }: RowsProps) {
  const { slug, revision, object_type } = view;
  const isLookedAt = (pages = 0) => !isSorted && pages <= LOOKED_AT_PAGES;
  const read = useInfiniteQuery({
    queryKey: ['rows', slug, revision],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const cursor = pageParam === '' ? '' : `&cursor=${encodeURIComponent(pageParam)}`;
      return ask<RowsPage>(`${viewPath(slug)}/rows?limit=${PAGE_ROWS}${cursor}`, { signal });
    },
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
    refetchInterval: ({ state: { data } }) => (isLookedAt(data?.pages.length) ? LOOK_MS : false),
    refetchOnWindowFocus: ({ state: { data } }) => isLookedAt(data?.pages.length),
  });
  const again = () => {
    onSeen();
    void read.refetch();
  };
  const rows = read.data?.pages.flatMap(({ data }) => data) ?? [];
  const onDrawn = useMore(read, rows);
  if (read.error && !read.data) return <ErrorView error={read.error} onRetry={again} />;
  if (!read.data) return <SkeletonRows rows={4} />;
  const hasNew = draft.columns.some(({ savedField }) => savedField === undefined);
  const columns = draft.columns.map(
    (column, at): TableColumn<RowShown> => ({
      name: `c${column.key}`,
      title: labelOf(column),
      cell: (row) => {
        const text =
          column.savedField === undefined ? '…' : cellText(row[column.savedField]) || '–';
        const isLink = at === 0 && hasPage('/records/:type/:id');
        return isLink ? (
          <Link className="row-cell" href={`/records/${object_type}/${encodeURIComponent(row.id)}`}>
            {text}
          </Link>
        ) : (
          <span className="row-cell" title={text}>
            {text}
          </span>
        );
      },
    }),
  );
  return (
    <>
      <div className="panel-body rows-news" role="status">
        {hasNew ? <p className="note">New columns are filled in when the view is saved.</p> : null}
        {hasMoved && !isLookedAt(read.data.pages.length) ? (
          <Button size="small" onPress={again}>
            Somebody joined or left since: show
          </Button>
        ) : null}
      </div>
      {rows.length === 0 ? (
        <EmptyState title="Nobody is in this view now." />
      ) : draft.columns.length === 0 ? null : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls by the keys
        <section className="rows-scroll" aria-label="Rows, to be scrolled sideways" tabIndex={0}>
          <div style={{ '--view-columns': draft.columns.length } as CSSProperties}>
            <Table
              label={`Rows of ${view.title}`}
              className="rows-table"
              rows={rows}
              rowHeight={ROW_HEIGHT}
              columns={columns}
              keyOf={({ id }) => id}
              onSeen={onDrawn}
            />
          </div>
        </section>
      )}
    </>
  );
}
