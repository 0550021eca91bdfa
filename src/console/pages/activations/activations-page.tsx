/**
 * activations-page.tsx – Webhooks that tell who joins and leaves, and how their deliveries stand.
 */
import '../../styles/panels.css';
import './activations.css';
import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { Link, useLocation } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { useShortcuts } from '../../parts/shortcuts.ts';
import { EmptyState, ListState } from '../../parts/states.tsx';
import { Table, type TableColumn } from '../../parts/table.tsx';
import { dayTimeText, numberText } from '../../parts/words.ts';
import type { ActivationShown } from '../../server/answers.ts';
import { activationsQuery, viewsQuery } from '../../server/queries.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { ACTIVATION_CRUMBS, eventsText, receiverText } from './activation-words.ts';
import { DeliveryStateTag } from './delivery-state.tsx';

const NEW = '/activations/new';
const LOOK_MS = 5000;

export default function ActivationsPage(_: PageProps) {
  const asked = useQuery({ ...activationsQuery, refetchInterval: LOOK_MS });
  const mayEdit = useMay('write_catalog');
  const [, goTo] = useLocation();
  useShortcuts(mayEdit ? { n: () => goTo(NEW) } : {});
  const create = mayEdit ? (
    <ButtonLink kind="primary" to={NEW}>
      <Plus className="icon" aria-hidden="true" />
      New activation
    </ButtonLink>
  ) : null;
  return (
    <PageFrame
      title="Activations"
      crumbs={ACTIVATION_CRUMBS}
      subtitle="Webhooks that tell other systems who joins and leaves a view, signed and in order."
      actions={create}
    >
      <ListState
        asked={asked}
        empty={
          <EmptyState title="No activations yet." action={create}>
            {create
              ? 'Tell another system who joins and leaves.'
              : 'Ask somebody with a service key to create the first one.'}
          </EmptyState>
        }
      >
        {(entries) => <ActivationTable activations={entries} />}
      </ListState>
    </PageFrame>
  );
}

function ActivationTable({ activations }: { readonly activations: readonly ActivationShown[] }) {
  const views = useQuery(viewsQuery).data;
  const titleOf = (view: string) => views?.find(({ slug }) => slug === view)?.title ?? view;
  const columns: TableColumn<ActivationShown>[] = [
    {
      name: 'title',
      title: 'Receiver',
      cell: (activation) => (
        <>
          <Link className="row-title" href={`/activations/${activation.id}`}>
            {receiverText(activation)}
          </Link>
          <span className="second">Who {eventsText(activation)}</span>
        </>
      ),
    },
    { name: 'view', title: 'View', cell: ({ view }) => titleOf(view) },
    { name: 'state', title: 'State', cell: (each) => <DeliveryStateTag activation={each} /> },
    numberColumn('delivered', 'Delivered', ({ delivered }) => delivered),
    numberColumn('pending', 'Pending', ({ pending }) => pending, 'due'),
    numberColumn('failed', 'Failed', ({ dead_letters }) => dead_letters.count, 'left'),
    {
      name: 'last',
      title: 'Last delivery',
      cell: ({ last_success_at: at }) => (
        <span className="quiet">{at === null ? 'None yet' : dayTimeText(at)}</span>
      ),
    },
  ];
  return (
    <Table
      label="Activations"
      className="activations-table"
      rows={activations}
      columns={columns}
      keyOf={({ id }) => id}
    />
  );
}

function numberColumn(
  name: string,
  title: string,
  of: (activation: ActivationShown) => number,
  look = '',
): TableColumn<ActivationShown> {
  const cell = (activation: ActivationShown) => {
    const count = of(activation);
    return <span className={`number ${count === 0 ? 'quiet' : look}`}>{numberText(count)}</span>;
  };
  return { name, title, isRight: true, cell };
}
