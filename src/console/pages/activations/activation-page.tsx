/**
 * activation-page.tsx – How the deliveries of a webhook stand: try it, tell all members, deliver
 * again what failed.
 */
import '../../styles/panels.css';
import './activations.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { hasPage, type PageProps } from '../../pages.tsx';
import { BuildProgress } from '../../parts/build-progress.tsx';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { countedText, dayTimeText, numberText } from '../../parts/words.ts';
import type { ActivationShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import type { AttemptShown, SyncShown } from '../../server/operations-answers.ts';
import { activationsQuery, viewsQuery } from '../../server/queries.ts';
import { isGone } from '../../server/refusal.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { ACTIVATION_CRUMBS, activationPath, eventsText, receiverText } from './activation-words.ts';
import { DeliveryStateTag } from './delivery-state.tsx';
import { Undelivered } from './undelivered.tsx';

const CRUMBS = [...ACTIVATION_CRUMBS, { title: 'Activations', to: '/activations' }];
const LOOK_MS = 3000;
const SYNC_LOOK_MS = 1000;

export default function ActivationPage({ params }: PageProps) {
  const id = params['id']!;
  const list = useQuery(activationsQuery);
  const listed = list.data?.find((each) => each.id === id);
  const read = useQuery({
    queryKey: ['activation', id],
    queryFn: ({ signal }) => ask<ActivationShown>(activationPath(listed!), { signal }),
    enabled: listed !== undefined,
    refetchInterval: LOOK_MS,
  });
  const isMissing = (list.data && !listed) || isGone(read.error);
  const activation = read.data?.id === id ? read.data : listed;
  if (isMissing)
    return (
      <PageFrame title="Activation" crumbs={CRUMBS}>
        <EmptyState
          title="There is no such activation, or not any more."
          action={<ButtonLink to="/activations">All activations</ButtonLink>}
        />
      </PageFrame>
    );
  if (!activation)
    return (
      <PageFrame title="Activation" crumbs={CRUMBS}>
        {list.error ? (
          <ErrorView error={list.error} onRetry={() => void list.refetch()} />
        ) : (
          <div className="card">
            <SkeletonRows rows={4} />
          </div>
        )}
      </PageFrame>
    );
  return <Shown activation={activation} />;
}

function Shown({ activation }: { readonly activation: ActivationShown }) {
  const { view, on_edit, created_at } = activation;
  const views = useQuery(viewsQuery).data;
  const title = views?.find(({ slug }) => slug === view)?.title ?? view;
  const mayEdit = useMay('write_catalog');
  return (
    <PageFrame
      title={receiverText(activation)}
      crumbs={CRUMBS}
      beside={<DeliveryStateTag activation={activation} />}
      subtitle={
        <>
          Told who {eventsText(activation)}
          {on_edit ? ', by edits of the filter too,' : ''} in{' '}
          {hasPage('/views/:slug') ? <Link href={`/views/${view}`}>{title}</Link> : title}, since{' '}
          {dayTimeText(created_at)}.
        </>
      }
    >
      <Figures activation={activation} />
      <Trouble activation={activation} />
      {mayEdit ? <TryIt activation={activation} /> : null}
      <SyncPanel activation={activation} />
      <Undelivered activation={activation} />
      {mayEdit ? <Removal activation={activation} /> : null}
    </PageFrame>
  );
}

function Figures({ activation }: { readonly activation: ActivationShown }) {
  const { delivered, pending, dead_letters, last_success_at } = activation;
  return (
    <section className="card figures" aria-label="Deliveries">
      <div>
        <h2>Delivered</h2>
        <b className="number">{numberText(delivered)}</b>
      </div>
      <div>
        <h2>Pending</h2>
        <b className={`number ${pending === 0 ? '' : 'due'}`}>{numberText(pending)}</b>
      </div>
      <div>
        <h2>Failed</h2>
        <b className={`number ${dead_letters.count === 0 ? '' : 'left'}`}>
          {numberText(dead_letters.count)}
        </b>
      </div>
      <div>
        <h2>Last delivery</h2>
        <p>{last_success_at === null ? 'None yet' : dayTimeText(last_success_at)}</p>
      </div>
    </section>
  );
}

/** What goes wrong now, and the way out. */
function Trouble({ activation }: { readonly activation: ActivationShown }) {
  const { status, disabled_at, failures } = activation;
  const mayEdit = useMay('write_catalog');
  const client = useQueryClient();
  const enable = useMutation({
    mutationFn: () =>
      ask<ActivationShown>(`${activationPath(activation)}/enable`, { method: 'POST' }),
    onSuccess: (enabled) => client.setQueryData(['activation', enabled.id], enabled),
    onSettled: () => client.invalidateQueries({ queryKey: activationsQuery.queryKey }),
  });
  if (status !== 'disabled' && failures.in_a_row === 0) return null;
  return (
    <div className="banner trouble" role="status">
      <p>
        {status === 'disabled'
          ? `Disabled since ${disabled_at ? dayTimeText(disabled_at) : 'a while'}. What happens meanwhile is kept. `
          : `${countedText(failures.in_a_row, 'attempt')} in a row failed${
              failures.since ? `, since ${dayTimeText(failures.since)}` : ''
            }; it is tried again by itself. `}
        {failures.last_error ? `The last one: ${failures.last_error}.` : ''}
        {enable.error ? ` ${enable.error.message}` : ''}
      </p>
      {status === 'disabled' && mayEdit ? (
        <Button size="small" isDisabled={enable.isPending} onPress={() => enable.mutate()}>
          Enable
        </Button>
      ) : null}
    </div>
  );
}

function TryIt({ activation }: { readonly activation: ActivationShown }) {
  const test = useMutation({
    mutationFn: () => ask<AttemptShown>(`${activationPath(activation)}/test`, { method: 'POST' }),
  });
  return (
    <Panel
      title="Test"
      actions={
        <Button size="small" isDisabled={test.isPending} onPress={() => test.mutate()}>
          {test.isPending ? 'Sending' : 'Send a test event'}
        </Button>
      }
    >
      <div className="panel-body" role="status">
        {test.error ? (
          <p className="fault">{test.error.message}</p>
        ) : test.data ? (
          <Attempt attempt={test.data} />
        ) : (
          <p className="quiet">Sends one signed event that is about no record.</p>
        )}
      </div>
    </Panel>
  );
}

function Attempt({ attempt }: { readonly attempt: AttemptShown }) {
  const { delivered, status, error, answer, duration_ms } = attempt;
  return (
    <>
      <p className={delivered ? 'joined' : 'left'}>
        <strong>{delivered ? 'It was received' : 'It was not received'}</strong>
      </p>
      <p>
        {status === null ? '' : `The receiver answered ${status} `}
        {status === null ? (error ?? 'No answer came') : ''} after {numberText(duration_ms)} ms.
      </p>
      {answer === '' ? null : <pre className="answer">{answer}</pre>}
    </>
  );
}

function SyncPanel({ activation }: { readonly activation: ActivationShown }) {
  const mayEdit = useMay('write_catalog');
  const client = useQueryClient();
  const queryKey = ['sync', activation.id];
  const path = `${activationPath(activation)}/sync`;
  const [isKnown, setIsKnown] = useState(true);
  const { data: sync, error } = useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      try {
        return await ask<SyncShown>(path, { signal });
      } catch (error) {
        // None was asked for yet.
        if (!isGone(error)) throw error;
        setIsKnown(false);
        return null;
      }
    },
    refetchInterval: ({ state: { data } }) => (data?.status === 'running' ? SYNC_LOOK_MS : false),
  });
  const begin = useMutation({
    mutationFn: () => ask<SyncShown>(path, { method: 'POST' }),
    onSuccess: (begun) => client.setQueryData(queryKey, begun),
    onSettled: () => client.invalidateQueries({ queryKey }),
  });
  return (
    <Panel
      title="Sync"
      actions={
        mayEdit ? (
          <Button
            size="small"
            isDisabled={begin.isPending || sync?.status === 'running'}
            onPress={() => begin.mutate()}
          >
            Send every member
          </Button>
        ) : null
      }
    >
      <div className="panel-body" role="status">
        {begin.error ? <p className="fault">{begin.error.message}</p> : null}
        {sync ? (
          <SyncState sync={sync} />
        ) : error ? (
          <p className="fault">{error.message}</p>
        ) : isKnown ? (
          <span className="skeleton" />
        ) : (
          <p className="quiet">
            None yet. A sync sends an event for each member that is in the view already.
          </p>
        )}
      </div>
    </Panel>
  );
}

function SyncState({ sync }: { readonly sync: SyncShown }) {
  const { status, progress, members, total, error, updated_at } = sync;
  if (status === 'running')
    return (
      <BuildProgress
        progress={progress}
        note={`${numberText(members)} of ${countedText(total, 'member')} are queued`}
      />
    );
  if (status === 'failed')
    return (
      <p className="fault">
        It failed on {dayTimeText(updated_at)}: {error}
      </p>
    );
  return (
    <p>
      {countedText(members, 'member')} {members === 1 ? 'was' : 'were'} queued, done on{' '}
      {dayTimeText(updated_at)}.
    </p>
  );
}

function Removal({ activation }: { readonly activation: ActivationShown }) {
  const client = useQueryClient();
  const [, goTo] = useLocation();
  const remove = useMutation({
    mutationFn: () => ask<void>(activationPath(activation), { method: 'DELETE' }),
    onSuccess: async () => {
      goTo('/activations', { replace: true });
      await client.invalidateQueries({ queryKey: activationsQuery.queryKey });
    },
  });
  return (
    <Panel
      title="Delete"
      actions={
        <ConfirmButton
          confirmation="Delete for good"
          isDisabled={remove.isPending}
          onConfirm={() => remove.mutate()}
        >
          Delete this activation
        </ConfirmButton>
      }
    >
      <p className="panel-body quiet" role="status">
        {remove.error
          ? remove.error.message
          : 'With all that is pending and failed of it. The receiver is told nothing more.'}
      </p>
    </Panel>
  );
}
