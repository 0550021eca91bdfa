/**
 * why-page.tsx – Why a record is in a segment, or why not: the verdict, the filter part by part,
 * and whether what is stored says the same. Of a draft, too: `?draft=1`.
 */
import './why.css';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import { useEffect } from 'react';
import { useLocation, useSearch } from 'wouter';
import { hasPage, type PageProps } from '../../pages.tsx';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { initialsOf, recordAddress, whyAddress } from '../../parts/record-names.ts';
import { draftOf, type SavedDraft } from '../../parts/saved-draft.ts';
import { SegmentList } from '../../parts/segment-list.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { lookOf } from '../../parts/type-look.ts';
import { TypeTag } from '../../parts/type-tag.tsx';
import { timeText } from '../../parts/words.ts';
import type { ExplanationShown, SegmentShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { segmentPath, segmentQuery, typesQuery } from '../../server/queries.ts';
import { isGone } from '../../server/refusal.ts';
import { PageFrame } from '../../shell/page.tsx';
import { useChanges } from '../../stream/use-stream.ts';
import { NEW_DRAFT } from '../builder/kept-draft.ts';
import { Beside } from './beside.tsx';
import { Verdict } from './verdict.tsx';
import { WhyTree } from './why-tree.tsx';

const LOOK_MS = 15_000;
/** After the clock was to change it: the commit comes a moment later. */
const SETTLE_MS = 400;
const TIMER_MAX_MS = 2_000_000_000;

/** What is explained: a saved segment, or a draft. */
interface Explained {
  readonly slug: string;
  readonly title: string;
  readonly objectType: string;
  readonly segment?: SegmentShown;
  readonly draft?: SavedDraft;
}

export default function WhyPage({ params }: PageProps) {
  const { slug, id } = params as { slug: string; id: string };
  const isDraft = new URLSearchParams(useSearch()).get('draft') === '1';
  return isDraft ? (
    <WhyDraft key={`${slug}\n${id}`} slug={slug} id={id} />
  ) : (
    <WhySaved key={`${slug}\n${id}`} slug={slug} id={id} />
  );
}

interface WhyProps {
  readonly slug: string;
  readonly id: string;
}

function WhySaved({ slug, id }: WhyProps) {
  const { data: segment, error } = useQuery(segmentQuery(slug));
  if (error && (isGone(error) || !segment))
    return (
      <PageFrame title={id} crumbs={crumbsOf(slug, slug)}>
        {isGone(error) ? (
          <EmptyState
            title="There is no such segment, or not any more."
            action={<ButtonLink to="/segments">All segments</ButtonLink>}
          />
        ) : (
          <ErrorView error={error} />
        )}
      </PageFrame>
    );
  if (!segment) return <Loading slug={slug} id={id} />;
  const { title, object_type } = segment;
  return <Why id={id} explained={{ slug, title, objectType: object_type, segment }} />;
}

function WhyDraft({ slug, id }: WhyProps) {
  const draft = draftOf(slug);
  if (!draft)
    return (
      <PageFrame title={id} crumbs={crumbsOf(slug, slug)}>
        <EmptyState
          title="There is no draft in this tab."
          action={<ButtonLink to={whyAddress(slug, id)}>Explain what is saved</ButtonLink>}
        >
          A draft is kept by the tab in which it was begun.
        </EmptyState>
      </PageFrame>
    );
  const { object_type: objectType } = draft;
  const name = draft.title?.trim() || (slug === NEW_DRAFT ? 'a new segment' : slug);
  return <Why id={id} explained={{ slug, title: `the draft of ${name}`, objectType, draft }} />;
}

function Loading({ slug, id }: WhyProps) {
  return (
    <PageFrame title={id} crumbs={crumbsOf(slug, slug)}>
      <div className="card">
        <SkeletonRows />
      </div>
    </PageFrame>
  );
}

function crumbsOf(slug: string, title: string, to = `/segments/${encodeURIComponent(slug)}`) {
  return [
    { title: 'Customer Data' },
    { title: 'Utilities' },
    { title: 'Segments', to: '/segments' },
    { title, to },
  ];
}

/** Where the draft is edited. */
function builderOf(slug: string, objectType: string): string {
  if (slug === NEW_DRAFT) return `/segments/new?type=${encodeURIComponent(objectType)}`;
  return `/segments/${encodeURIComponent(slug)}/edit`;
}

function useExplanation({ slug, draft }: Explained, id: string) {
  return useQuery({
    queryKey: ['explain', slug, id, draft ?? 'saved'],
    queryFn: ({ signal }) => {
      if (!draft)
        return ask<ExplanationShown>(`${segmentPath(slug)}/explain/${encodeURIComponent(id)}`, {
          signal,
        });
      const { object_type, query } = draft;
      const asked = { method: 'POST', body: { object_type, query, id }, reads: true } as const;
      return ask<ExplanationShown>('/v1/segments/explain', { ...asked, signal });
    },
    refetchInterval: LOOK_MS,
  });
}

function Why({ id, explained }: { readonly id: string; readonly explained: Explained }) {
  const { slug, title, objectType, segment, draft } = explained;
  const types = useQuery(typesQuery).data ?? [];
  const read = useExplanation(explained, id);
  const { data: explanation, error, refetch } = read;
  useAtFlip(explanation?.next?.at, refetch);
  const name = explanation?.title ?? id;
  const { hue } = lookOf(objectType);
  return (
    <PageFrame
      title={name}
      crumbs={crumbsOf(slug, segment?.title ?? title, draft && builderOf(slug, objectType))}
      before={
        <span className={`initials ${hue}`} aria-hidden="true">
          {initialsOf(name)}
        </span>
      }
      subtitle={
        <span className="why-names">
          <TypeTag type={objectType} /> <span className="code quiet">{id}</span>
        </span>
      }
      actions={
        <WhyActions id={id} objectType={objectType} isThere={explanation?.exists === true} />
      }
    >
      {draft ? null : <Follow slug={slug} id={id} objectType={objectType} />}
      {explanation && explanation.id === id ? (
        <div className="why">
          <div className="why-main">
            {error ? <ErrorView error={error} onRetry={() => void refetch()} /> : null}
            <Verdict
              explanation={explanation}
              title={title}
              objectType={objectType}
              isDraft={draft !== undefined}
            />
            <section className="card why-section" aria-label="Why">
              <h2>
                Why <span>Values as of {timeText(explanation.as_of_time)}</span>
              </h2>
              <WhyTree
                tree={explanation.tree}
                context={{
                  objectType,
                  types,
                  query: draft ? draft.query : answeringQuery(segment, explanation),
                  asOfMs: Date.parse(explanation.as_of_time),
                  next: explanation.next,
                }}
              />
            </section>
          </div>
          <Beside
            explanation={explanation}
            objectType={objectType}
            slug={draft ? undefined : slug}
          />
        </div>
      ) : error ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : (
        <div className="card">
          <SkeletonRows />
        </div>
      )}
    </PageFrame>
  );
}

/** While an edit is built, the revision before it answers, which is not the one that is shown. */
function answeringQuery(
  segment: SegmentShown | undefined,
  { revision }: ExplanationShown,
): unknown {
  return segment?.revision === revision ? segment?.query : undefined;
}

/** Reads anew when the clock was to change the verdict. */
function useAtFlip(at: string | null | undefined, again: () => unknown): void {
  useEffect(() => {
    if (!at) return;
    const waitMs = Date.parse(at) - Date.now() + SETTLE_MS;
    if (waitMs < 0 || waitMs > TIMER_MAX_MS) return;
    const timer = setTimeout(() => void again(), waitMs);
    return () => clearTimeout(timer);
  }, [at, again]);
}

/** Reads anew when the record joins or leaves. */
function Follow({ slug, id, objectType }: WhyProps & { readonly objectType: string }) {
  const client = useQueryClient();
  useChanges(slug, (changes) => {
    if (!changes.some((change) => 'id' in change && change.id === id)) return;
    void client.invalidateQueries({ queryKey: ['explain', slug, id] });
    void client.invalidateQueries({ queryKey: ['record', objectType, id] });
  });
  return null;
}

interface WhyActionsProps {
  readonly id: string;
  readonly objectType: string;
  readonly isThere: boolean;
}

function WhyActions({ id, objectType, isThere }: WhyActionsProps) {
  const [, goTo] = useLocation();
  return (
    <>
      <SegmentList
        label="Check another segment"
        objectType={objectType}
        row={({ slug, title }, close) => (
          <Button
            kind="ghost"
            onPress={() => {
              close();
              goTo(whyAddress(slug, id));
            }}
          >
            {title}
          </Button>
        )}
      />
      {isThere && hasPage('/records/:type/:id') ? (
        <ButtonLink to={recordAddress(objectType, id)}>
          Open record <ExternalLink className="icon" aria-hidden="true" />
        </ButtonLink>
      ) : null}
    </>
  );
}
