/**
 * new-view-page.tsx – A view that is not saved yet.
 */
import '../../styles/panels.css';
import './views.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { FormRow } from '../../parts/form-row.tsx';
import { useShortcuts } from '../../parts/shortcuts.ts';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { titleText } from '../../parts/words.ts';
import type { TypeShown, ViewShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { segmentsQuery, typesQuery, viewsQuery } from '../../server/queries.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { keepViewDraft, keptViewDraft } from './kept-draft.ts';
import { ViewDesigner } from './view-designer.tsx';
import { bodyOf, emptyDraft, type ViewDraft } from './view-draft.ts';

const CRUMBS = [
  { title: 'Customer Data' },
  { title: 'Utilities' },
  { title: 'Views', to: '/views' },
];

export default function NewViewPage(_: PageProps) {
  const { data: types, error, refetch } = useQuery(typesQuery);
  const segments = useQuery(segmentsQuery).data;
  const mayEdit = useMay('write_catalog');
  if (mayEdit && types && segments && types.length > 0) {
    const asked = new URLSearchParams(location.search);
    const segment = segments.find(({ slug }) => slug === asked.get('segment'));
    const type = segment?.object_type ?? asked.get('type') ?? types[0]!.name;
    return <NewView types={types} first={emptyDraft(type, segment?.slug ?? '')} />;
  }
  return (
    <PageFrame title="New view" crumbs={CRUMBS}>
      {!mayEdit ? (
        <EmptyState
          title="Your key may not create views."
          action={<ButtonLink to="/views">Views</ButtonLink>}
        >
          Ask somebody with a service key.
        </EmptyState>
      ) : error && !types ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : types?.length === 0 ? (
        <EmptyState title="There is no object type yet.">Load a seed with one first.</EmptyState>
      ) : (
        <div className="card">
          <SkeletonRows />
        </div>
      )}
    </PageFrame>
  );
}

interface NewViewProps {
  readonly types: readonly TypeShown[];
  readonly first: ViewDraft;
}

function NewView({ types, first }: NewViewProps) {
  const [draft, setDraft] = useState(() => {
    const kept = keptViewDraft('')?.draft;
    // Who comes from another segment or type begins anew.
    const isOfThis = first.segment === '' || kept?.segment === first.segment;
    return kept && isOfThis ? kept : first;
  });
  useEffect(() => {
    const isTouched = draft.title !== '' || draft.columns.length > 0;
    keepViewDraft('', isTouched ? { tag: undefined, draft } : undefined);
  }, [draft]);
  const client = useQueryClient();
  const [, goTo] = useLocation();
  const create = useMutation({
    mutationFn: () => ask<ViewShown>('/v1/views', { method: 'POST', body: bodyOf(draft) }),
    onSuccess: async ({ slug }) => {
      keepViewDraft('', undefined);
      await client.invalidateQueries({ queryKey: viewsQuery.queryKey });
      goTo(`/views/${slug}`, { replace: true });
    },
  });
  const canSave =
    draft.title.trim() !== '' &&
    draft.segment !== '' &&
    draft.columns.length > 0 &&
    !create.isPending;
  useShortcuts({ 'mod+s': () => canSave && create.mutate() });
  return (
    <PageFrame
      title="New view"
      crumbs={CRUMBS}
      subtitle="Which columns of which records are shown."
      actions={
        <>
          <Button
            onPress={() => {
              keepViewDraft('', undefined);
              goTo('/views');
            }}
          >
            Leave it
          </Button>
          <Button kind="primary" isDisabled={!canSave} onPress={() => create.mutate()}>
            {create.isPending ? 'Saving' : 'Save'}
          </Button>
        </>
      }
    >
      {create.error ? (
        <p className="fault view-fault" role="alert">
          {create.error.message}
        </p>
      ) : null}
      <div className="view-type">
        <FormRow label="Records of">
          {(tie) => (
            <select
              {...tie}
              className="field"
              value={draft.object_type}
              onChange={({ target }) =>
                // What was chosen is of another type.
                setDraft({
                  ...emptyDraft(target.value, ''),
                  title: draft.title,
                  slug: draft.slug,
                })
              }
            >
              {types.map(({ name, label }) => (
                <option key={name} value={name}>
                  {titleText(name, label)}
                </option>
              ))}
            </select>
          )}
        </FormRow>
      </div>
      <ViewDesigner draft={draft} isNew mayEdit error={create.error} onChange={setDraft} />
    </PageFrame>
  );
}
