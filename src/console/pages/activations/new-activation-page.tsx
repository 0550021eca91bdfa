/**
 * new-activation-page.tsx – Tells a URL who joins and leaves a view from now on.
 *
 * Keeps true: the secret that was made is shown once, and is nowhere but on this page while it is
 * open.
 */
import '../../styles/panels.css';
import './activations.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { PageProps } from '../../pages.tsx';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { CopyText } from '../../parts/copy-text.tsx';
import { faultsByField } from '../../parts/form-faults.ts';
import { FormRow } from '../../parts/form-row.tsx';
import { EmptyState, SkeletonRows } from '../../parts/states.tsx';
import { ask } from '../../server/ask.ts';
import type { CreatedActivationShown } from '../../server/operations-answers.ts';
import { activationsQuery, viewsQuery } from '../../server/queries.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { ACTIVATION_CRUMBS, receiverText } from './activation-words.ts';

const CRUMBS = [...ACTIVATION_CRUMBS, { title: 'Activations', to: '/activations' }];
const FIELDS = ['url', 'events', 'on_edit', 'view'];

interface ActivationDraft {
  readonly view: string;
  readonly url: string;
  readonly events: readonly ('entered' | 'left')[];
  readonly on_edit: boolean;
}

export default function NewActivationPage(_: PageProps) {
  const mayEdit = useMay('write_catalog');
  const [created, setCreated] = useState<CreatedActivationShown>();
  return (
    <PageFrame title="New activation" crumbs={CRUMBS}>
      {!mayEdit ? (
        <EmptyState
          title="Your key may not create activations."
          action={<ButtonLink to="/activations">Activations</ButtonLink>}
        >
          Ask somebody with a service key.
        </EmptyState>
      ) : created ? (
        <Created activation={created} />
      ) : (
        <ActivationForm onCreated={setCreated} />
      )}
    </PageFrame>
  );
}

function ActivationForm({
  onCreated,
}: {
  readonly onCreated: (activation: CreatedActivationShown) => void;
}) {
  const views = useQuery(viewsQuery).data;
  const client = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const asked = new URLSearchParams(location.search).get('view') ?? '';
  const [draft, setDraft] = useState<ActivationDraft>({
    ...{ view: asked, url: '', events: ['entered', 'left'], on_edit: false },
  });
  const change = (changed: Partial<ActivationDraft>) => setDraft({ ...draft, ...changed });
  const view = draft.view || views?.[0]?.slug || '';
  const create = useMutation({
    mutationFn: () => {
      const { view: _, ...body } = draft;
      const path = `/v1/views/${encodeURIComponent(view)}/activations`;
      return ask<CreatedActivationShown>(path, { method: 'POST', body });
    },
    onSuccess: (activation) => {
      onCreated(activation);
      void client.invalidateQueries({ queryKey: activationsQuery.queryKey });
    },
    // The secret is nowhere but on the page.
    gcTime: 0,
  });
  const faults = faultsByField(create.error, FIELDS);
  useEffect(() => {
    if (create.error) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [create.error]);
  if (!views)
    return (
      <div className="card">
        <SkeletonRows rows={3} />
      </div>
    );
  if (views.length === 0)
    return (
      <EmptyState title="There is no view yet.">
        An activation tells who joins and leaves a view: create one first.
      </EmptyState>
    );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate();
  };
  const toggle = (name: 'entered' | 'left', isOn: boolean) =>
    change({
      events: (['entered', 'left'] as const).filter((each) =>
        each === name ? isOn : draft.events.includes(each),
      ),
    });
  return (
    <form className="card form" ref={form} onSubmit={submit} noValidate>
      {faults.has('') ? (
        <p className="fault" role="alert">
          {faults.get('')}
        </p>
      ) : null}
      <FormRow
        label="View"
        hint="Each event has the row of the record, in the columns of the view."
        fault={faults.get('view')}
      >
        {(tie) => (
          <select
            {...tie}
            className="field"
            value={view}
            onChange={({ target }) => change({ view: target.value })}
          >
            {views.map(({ slug, title }) => (
              <option key={slug} value={slug}>
                {title}
              </option>
            ))}
          </select>
        )}
      </FormRow>
      <FormRow
        label="URL"
        hint="https, at a public address. It is asked with POST, in the format of Standard Webhooks."
        fault={faults.get('url')}
      >
        {(tie) => (
          <input
            {...tie}
            className="field"
            type="url"
            inputMode="url"
            autoComplete="off"
            spellCheck={false}
            placeholder="https://example.com/hooks/rollcall"
            value={draft.url}
            onChange={({ target }) => change({ url: target.value })}
          />
        )}
      </FormRow>
      <fieldset>
        <legend>Tells who</legend>
        {(['entered', 'left'] as const).map((event) => (
          <label className="check" key={event}>
            <input
              type="checkbox"
              checked={draft.events.includes(event)}
              onChange={({ target }) => toggle(event, target.checked)}
            />
            {event === 'entered' ? 'joins' : 'leaves'}
          </label>
        ))}
        {faults.has('events') ? <p className="fault">{faults.get('events')}</p> : null}
      </fieldset>
      <fieldset>
        <legend>When the filter is edited</legend>
        <label className="check">
          <input
            type="checkbox"
            checked={draft.on_edit}
            onChange={({ target }) => change({ on_edit: target.checked })}
          />
          tell of each record that the edit lets in or out
        </label>
      </fieldset>
      <div className="form-end">
        <Button
          kind="primary"
          type="submit"
          isDisabled={create.isPending || draft.url === '' || draft.events.length === 0}
        >
          {create.isPending ? 'Creating' : 'Create'}
        </Button>
        <ButtonLink to="/activations">Leave it</ButtonLink>
      </div>
    </form>
  );
}

function Created({ activation }: { readonly activation: CreatedActivationShown }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const { id, secret } = activation;
  return (
    <section className="card form" aria-label="Created">
      <h2 ref={heading} tabIndex={-1} className="created-title">
        {receiverText(activation)} is told from now on
      </h2>
      {secret === undefined ? null : (
        <>
          <p>
            Give this secret to the receiver: with it, it checks the signature of each event.{' '}
            <strong>It is shown now and never again.</strong>
          </p>
          <CopyText label="Secret" text={secret} />
        </>
      )}
      <p className="note">Who is a member already is told by a sync.</p>
      <div className="form-end">
        <ButtonLink kind="primary" to={`/activations/${id}`}>
          {secret === undefined ? 'Open it' : 'I have kept it'}
        </ButtonLink>
      </div>
    </section>
  );
}
