/**
 * members-page.tsx – Who is in a segment.
 */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { Button } from '../../parts/button.tsx';
import { recordName, titleAttribute, whyAddress } from '../../parts/record-names.ts';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { Table, type TableColumn } from '../../parts/table.tsx';
import { useMore } from '../../parts/use-more.ts';
import { valueText } from '../../parts/values.tsx';
import { dayTimeText, titleText } from '../../parts/words.ts';
import type { RecordShown, SegmentShown, TypeShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { segmentPath, typesQuery } from '../../server/queries.ts';
import { useChanges } from '../../stream/use-stream.ts';
import { SegmentFrame } from './segment-frame.tsx';

const PAGE_ROWS = 100;
/** Attributes that have room beside the title. */
const ATTRIBUTES_MAX = 4;
const ROW_HEIGHT = 44;

interface MembersPageShown {
  readonly data: readonly { readonly id: string; readonly record: RecordShown }[];
  readonly next_cursor: string | null;
}

export default function MembersPage({ params }: PageProps) {
  return (
    <SegmentFrame slug={params['slug']!}>{(segment) => <Members segment={segment} />}</SegmentFrame>
  );
}

function Members({ segment }: { readonly segment: SegmentShown }) {
  const { slug, object_type } = segment;
  const type = useQuery(typesQuery).data?.find(({ name }) => name === object_type);
  const read = useInfiniteQuery({
    queryKey: ['members', slug],
    initialPageParam: '',
    queryFn: ({ pageParam, signal }) => {
      const cursor = pageParam === '' ? '' : `&cursor=${encodeURIComponent(pageParam)}`;
      const query = `include=records&limit=${PAGE_ROWS}${cursor}`;
      return ask<MembersPageShown>(`${segmentPath(slug)}/members?${query}`, { signal });
    },
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  const [moved, setMoved] = useState(0);
  useChanges(slug, (changes) => setMoved((before) => before + changes.length));
  const again = () => {
    setMoved(0);
    void read.refetch();
  };
  const rows = read.data?.pages.flatMap(({ data }) => data.map(({ record }) => record)) ?? [];
  const onSeen = useMore(read, rows);
  if (read.error && !read.data) return <ErrorView error={read.error} onRetry={again} />;
  if (!read.data || !type)
    return (
      <div className="card">
        <SkeletonRows />
      </div>
    );
  if (rows.length === 0) return <EmptyState title="Nobody is in this segment now." />;
  return (
    <>
      <div className="members-news" role="status">
        {moved === 0 ? null : (
          <Button size="small" onPress={again}>
            {moved} joined or left since: show
          </Button>
        )}
      </div>
      <Table
        label={`Members of ${segment.title}`}
        className="members-table"
        rows={rows}
        rowHeight={ROW_HEIGHT}
        columns={columnsOf(type, slug)}
        keyOf={({ id }) => id}
        onSeen={onSeen}
      />
    </>
  );
}

function columnsOf(type: TypeShown, slug: string): TableColumn<RecordShown>[] {
  const attributes = Object.entries(type.attributes);
  const title = titleAttribute(type);
  const shown = attributes
    .filter(([name, { type: kind }]) => name !== title && kind !== 'object' && kind !== 'list')
    .slice(0, ATTRIBUTES_MAX);
  return [
    {
      name: 'title',
      title: titleText(title ?? 'id', title && type.attributes[title]?.label),
      cell: (record) => <Name record={record} type={type} slug={slug} />,
    },
    ...shown.map(
      ([name, { label, type: kind }]): TableColumn<RecordShown> => ({
        name: `of-${name}`,
        title: titleText(name, label),
        isRight: kind === 'number',
        cell: ({ data }) => (
          <span className="value">{valueText(data[name], type.attributes[name])}</span>
        ),
      }),
    ),
    {
      name: 'changed',
      title: 'Last changed',
      cell: ({ updated_at }) => <span className="quiet">{dayTimeText(updated_at)}</span>,
    },
  ];
}

interface NameProps {
  readonly record: RecordShown;
  readonly type: TypeShown;
  readonly slug: string;
}

/** Leads to why the record is in the segment. */
function Name({ record, type, slug }: NameProps) {
  const { id } = record;
  const shown = recordName(type, record);
  return (
    <span className="value">
      <Link className="member-name" href={whyAddress(slug, id)}>
        {shown}
      </Link>
      {shown === id ? null : <span className="code quiet"> {id}</span>}
    </span>
  );
}
