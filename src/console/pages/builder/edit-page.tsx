/**
 * edit-page.tsx – Edits the filter of a segment.
 */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { PageProps } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import type { SegmentShown } from '../../server/answers.ts';
import { askTagged, type TaggedAnswer } from '../../server/ask.ts';
import { segmentPath } from '../../server/queries.ts';
import { isGone } from '../../server/refusal.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { readDraft } from './kept-draft.ts';
import { useReading } from './reading.ts';
import { BUILDER_CRUMBS, baseOf, SegmentDraft } from './segment-draft.tsx';

export default function EditPage({ params }: PageProps) {
  const slug = params['slug']!;
  const mayEdit = useMay('write_catalog');
  // What is edited stays what was read: what others save meanwhile shows when it is saved.
  const read = useQuery({
    queryKey: ['segment-to-edit', slug],
    queryFn: ({ signal }) => askTagged<SegmentShown>(segmentPath(slug), { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    enabled: mayEdit,
  });
  // Of another slug it would be what was shown before.
  const data = read.data?.value.slug === slug ? read.data : undefined;
  const reading = useReading(data?.value.object_type);
  const { context, table } = reading;
  const error = read.error ?? reading.error;
  if (!mayEdit)
    return (
      <PageFrame title={slug} crumbs={BUILDER_CRUMBS}>
        <EmptyState
          title="Editing takes a key that may change segments."
          action={<ButtonLink to={`/segments/${slug}`}>The segment</ButtonLink>}
        />
      </PageFrame>
    );
  if (data && context && table)
    return <Editor key={slug} read={data} reading={{ context, table }} />;
  return (
    <PageFrame title={slug} crumbs={BUILDER_CRUMBS}>
      {error && isGone(error) ? (
        <EmptyState
          title="There is no such segment, or not any more."
          action={<ButtonLink to="/segments">All segments</ButtonLink>}
        />
      ) : error ? (
        <ErrorView
          error={error}
          onRetry={() => {
            void read.refetch();
            reading.retry();
          }}
        />
      ) : (
        <div className="card">
          <SkeletonRows />
        </div>
      )}
    </PageFrame>
  );
}

interface EditorProps {
  readonly read: TaggedAnswer<SegmentShown>;
  readonly reading: Parameters<typeof SegmentDraft>[0]['reading'];
}

function Editor({ read, reading }: EditorProps) {
  const { slug, object_type } = read.value;
  const [base, kept] = useMemo(() => {
    const draft = readDraft(slug, object_type);
    return [draft?.base ?? baseOf(read), draft] as const;
  }, [read, slug, object_type]);
  return <SegmentDraft slug={slug} base={base} kept={kept} reading={reading} />;
}
