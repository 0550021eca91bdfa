/**
 * new-page.tsx – A new segment: of which type, from what, and then its filter.
 *
 * `?type=` names the type: what was begun of it in this tab goes on, a filter of the records page
 * too. `?from=` alone names a segment that it starts as a copy of.
 */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { lookOf } from '../../parts/type-look.ts';
import { countedText, titleText } from '../../parts/words.ts';
import type { SegmentShown } from '../../server/answers.ts';
import { segmentQuery, segmentsQuery, typesQuery } from '../../server/queries.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { type KeptDraft, NEW_DRAFT, readDraft } from './kept-draft.ts';
import { useReading } from './reading.ts';
import { BUILDER_CRUMBS, SegmentDraft } from './segment-draft.tsx';

const TITLE = 'New segment';

export default function NewPage(_: PageProps) {
  const mayEdit = useMay('write_catalog');
  const search = new URLSearchParams(useSearch());
  const from = search.get('from') ?? undefined;
  const type = search.get('type') ?? undefined;
  if (!mayEdit)
    return (
      <PageFrame title={TITLE} crumbs={BUILDER_CRUMBS}>
        <EmptyState
          title="New segments take a key that may make them."
          action={<ButtonLink to="/segments">All segments</ButtonLink>}
        />
      </PageFrame>
    );
  if (type !== undefined) return <NewDraft key={type} type={type} />;
  if (from !== undefined) return <FromSegment key={from} slug={from} />;
  return <TypeChoice />;
}

function TypeChoice() {
  const types = useQuery(typesQuery);
  const segments = useQuery(segmentsQuery).data ?? [];
  const [, goTo] = useLocation();
  return (
    <PageFrame
      title={TITLE}
      crumbs={BUILDER_CRUMBS}
      subtitle="A segment is of one type: its members are records of that type."
    >
      {types.error && !types.data ? (
        <ErrorView error={types.error} onRetry={() => void types.refetch()} />
      ) : !types.data ? (
        <div className="card">
          <SkeletonRows rows={3} />
        </div>
      ) : types.data.length === 0 ? (
        <EmptyState title="There is no object type yet. Segments are made of records of one." />
      ) : (
        <>
          <ul className="type-choice">
            {types.data.map(({ name, label, records }) => {
              const { Icon, hue } = lookOf(name);
              return (
                <li key={name}>
                  <Link
                    className={`card type-card ${hue}`}
                    href={`/segments/new?type=${encodeURIComponent(name)}`}
                  >
                    <Icon className="icon" aria-hidden="true" />
                    <b>{titleText(name, label)}</b>
                    <span className="quiet">{countedText(records ?? 0, 'record')}</span>
                  </Link>
                </li>
              );
            })}
          </ul>
          {segments.length === 0 ? null : (
            <label className="type-from">
              Or start from a segment
              <select
                className="builder-select"
                value=""
                onChange={({ target }) =>
                  goTo(`/segments/new?from=${encodeURIComponent(target.value)}`)
                }
              >
                <option value="">Choose a segment</option>
                {segments.map(({ slug, title }) => (
                  <option key={slug} value={slug}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
          )}
        </>
      )}
    </PageFrame>
  );
}

function FromSegment({ slug }: { readonly slug: string }) {
  const { data, error, refetch } = useQuery(segmentQuery(slug));
  if (data) return <NewDraft type={data.object_type} from={data} />;
  return (
    <PageFrame title={TITLE} crumbs={BUILDER_CRUMBS}>
      {error ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : (
        <div className="card">
          <SkeletonRows />
        </div>
      )}
    </PageFrame>
  );
}

interface NewDraftProps {
  readonly type: string;
  readonly from?: SegmentShown;
}

function NewDraft({ type, from }: NewDraftProps) {
  const reading = useReading(type);
  const { context, table, error, isUnknownType } = reading;
  const kept = useMemo(
    (): KeptDraft | undefined =>
      from
        ? {
            object_type: type,
            title: `${from.title}, copied`,
            slug: '',
            description: from.description ?? '',
            query: from.query,
            keys: [],
          }
        : readDraft(NEW_DRAFT, type),
    [type, from],
  );
  if (context && table) return <SegmentDraft kept={kept} reading={{ context, table }} />;
  return (
    <PageFrame title={TITLE} crumbs={BUILDER_CRUMBS}>
      {isUnknownType ? (
        <EmptyState
          title={`There is no type ${type}.`}
          action={<ButtonLink to="/segments/new">Choose a type</ButtonLink>}
        />
      ) : error ? (
        <ErrorView error={error} onRetry={reading.retry} />
      ) : (
        <div className="card">
          <SkeletonRows />
        </div>
      )}
    </PageFrame>
  );
}
