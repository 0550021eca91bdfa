/**
 * view-page.tsx – A view: its columns, and its rows as they are now.
 *
 * Keeps true: nothing of somebody else is overwritten unseen: who was overtaken is asked.
 */
import '../../styles/panels.css';
import './views.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { useShortcuts } from '../../parts/shortcuts.ts';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { dayTimeText } from '../../parts/words.ts';
import type { ViewShown } from '../../server/answers.ts';
import { ask, askTagged, type TaggedAnswer } from '../../server/ask.ts';
import { viewsQuery } from '../../server/queries.ts';
import { isGone, isOvertaken } from '../../server/refusal.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { keepViewDraft, keptViewDraft } from './kept-draft.ts';
import { ViewDesigner } from './view-designer.tsx';
import { bodyOf, draftOf, isSameDraft, labelOf, type ViewDraft } from './view-draft.ts';
import { viewPath, viewQuery } from './view-query.ts';
import { ViewRows } from './view-rows.tsx';

const CRUMBS = [
  { title: 'Customer Data' },
  { title: 'Utilities' },
  { title: 'Views', to: '/views' },
];

export default function ViewPage({ params }: PageProps) {
  const slug = params['slug']!;
  const read = useQuery({ ...viewQuery(slug), refetchOnWindowFocus: false });
  const { data, error } = read;
  if (error && (isGone(error) || !data))
    return (
      <PageFrame title={slug} crumbs={CRUMBS}>
        {isGone(error) ? (
          <EmptyState
            title="There is no such view, or not any more."
            action={<ButtonLink to="/views">All views</ButtonLink>}
          />
        ) : (
          <ErrorView error={error} onRetry={() => void read.refetch()} />
        )}
      </PageFrame>
    );
  if (!data || data.value.slug !== slug)
    return (
      <PageFrame title={slug} crumbs={CRUMBS}>
        <div className="card">
          <SkeletonRows />
        </div>
      </PageFrame>
    );
  return <View key={slug} read={data} />;
}

interface ViewProps {
  readonly read: TaggedAnswer<ViewShown>;
}

function View({ read }: ViewProps) {
  // What it was when the draft was begun; another read does not take the draft away.
  const [base, setBase] = useState(read);
  const [kept] = useState(() => keptViewDraft(read.value.slug));
  const [draft, setDraft] = useState<ViewDraft>(() => kept?.draft ?? draftOf(read.value));
  const [tag, setTag] = useState(kept ? kept.tag : read.tag);
  const client = useQueryClient();
  const [, goTo] = useLocation();
  const mayEdit = useMay('write_catalog');
  const { value: view } = base;
  const path = viewPath(view.slug);
  const begin = (from: TaggedAnswer<ViewShown>) => {
    client.setQueryData(viewQuery(view.slug).queryKey, from);
    setBase(from);
    setTag(from.tag);
    setDraft(draftOf(from.value));
  };
  const save = useMutation({
    mutationFn: (ifMatch: string | undefined) =>
      askTagged<ViewShown>(path, { method: 'PUT', body: bodyOf(draft), ifMatch }),
    onSuccess: (saved) => {
      begin(saved);
      return client.invalidateQueries({ queryKey: viewsQuery.queryKey });
    },
  });
  const remove = useMutation({
    mutationFn: () => ask<void>(path, { method: 'DELETE', ifMatch: tag }),
    onSuccess: async () => {
      keepViewDraft(view.slug, undefined);
      goTo('/views', { replace: true });
      await client.invalidateQueries({ queryKey: viewsQuery.queryKey });
    },
  });
  const isChanged = !isSameDraft(draft, draftOf(view));
  useEffect(
    () => keepViewDraft(view.slug, isChanged ? { tag, draft } : undefined),
    [view.slug, isChanged, tag, draft],
  );
  const canSave = mayEdit && isChanged && draft.columns.length > 0 && !save.isPending;
  useShortcuts({ 'mod+s': () => canSave && save.mutate(tag) });
  return (
    <PageFrame
      title={view.title}
      crumbs={CRUMBS}
      beside={<TypeTag type={view.object_type} />}
      subtitle={view.description ?? `Revision ${view.revision}, ${dayTimeText(view.updated_at)}`}
      actions={
        mayEdit ? (
          <>
            <ConfirmButton
              size="normal"
              confirmation="Delete for good"
              isDisabled={remove.isPending}
              onConfirm={() => remove.mutate()}
            >
              Delete
            </ConfirmButton>
            {isChanged ? <Button onPress={() => begin(base)}>Undo all</Button> : null}
            <Button kind="primary" isDisabled={!canSave} onPress={() => save.mutate(tag)}>
              {save.isPending ? 'Saving' : 'Save'}
            </Button>
          </>
        ) : null
      }
    >
      <p className="unseen" role="status">
        {save.isSuccess && !isChanged ? 'Saved.' : ''}
      </p>
      {isOvertaken(save.error) ? (
        <Overtaken
          draft={draft}
          slug={view.slug}
          onTheirs={begin}
          onMine={(theirs) => save.mutate(theirs.tag)}
        />
      ) : save.error ? (
        <p className="fault view-fault" role="alert">
          {save.error.message}
        </p>
      ) : null}
      {remove.error ? (
        <p className="fault view-fault" role="alert">
          {remove.error.message}
        </p>
      ) : null}
      <BuildState view={view} />
      <ViewDesigner
        draft={draft}
        isNew={false}
        mayEdit={mayEdit}
        error={save.error}
        onChange={setDraft}
      />
      <ViewRows view={view} draft={draft} />
    </PageFrame>
  );
}

/** Of a view with a filter of its own. */
function BuildState({ view }: { readonly view: ViewShown }) {
  const { status, reason } = view;
  if (status === undefined || status === 'ready') return null;
  return (
    <p className="banner" role="status">
      {status === 'building'
        ? 'Its filter is being built: its rows are there when it is done.'
        : `Its filter failed: ${reason ?? 'nobody knows why'}`}
    </p>
  );
}

interface OvertakenProps {
  readonly draft: ViewDraft;
  readonly slug: string;
  readonly onTheirs: (theirs: TaggedAnswer<ViewShown>) => void;
  readonly onMine: (theirs: TaggedAnswer<ViewShown>) => void;
}

/** Both side by side: one of them is chosen. */
function Overtaken({ draft, slug, onTheirs, onMine }: OvertakenProps) {
  const { data: theirs } = useQuery({
    queryKey: ['view', slug, 'theirs'],
    queryFn: ({ signal }) => askTagged<ViewShown>(viewPath(slug), { signal }),
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <section className="card overtaken" role="alert" aria-label="Changed meanwhile">
      <h2>
        Somebody else changed it
        {theirs ? ` on ${dayTimeText(theirs.value.updated_at)}` : ' meanwhile'}
      </h2>
      <div className="overtaken-pair">
        <div>
          <h3>Theirs</h3>
          <p>{theirs ? theirs.value.columns.map(labelOf).join(', ') : 'Being read'}</p>
          {theirs ? (
            <Button size="small" onPress={() => onTheirs(theirs)}>
              Take theirs
            </Button>
          ) : null}
        </div>
        <div>
          <h3>Mine</h3>
          <p>{draft.columns.map(labelOf).join(', ')}</p>
          {theirs ? (
            <Button size="small" onPress={() => onMine(theirs)}>
              Keep mine
            </Button>
          ) : null}
        </div>
      </div>
    </section>
  );
}
