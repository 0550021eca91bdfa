/**
 * views-page.tsx – Which columns of which records are shown, and who is told of them.
 */
import '../../styles/panels.css';
import './views.css';
import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { SearchField } from '../../parts/search-field.tsx';
import { useShortcuts } from '../../parts/shortcuts.ts';
import { EmptyState, ListState } from '../../parts/states.tsx';
import { Table, type TableColumn } from '../../parts/table.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { countedText, numberText } from '../../parts/words.ts';
import type { ViewShown } from '../../server/answers.ts';
import { activationsQuery, segmentsQuery, viewsQuery } from '../../server/queries.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { labelOf } from './view-draft.ts';

const NEW = '/views/new';

export default function ViewsPage(_: PageProps) {
  const asked = useQuery(viewsQuery);
  const mayEdit = useMay('write_catalog');
  const [, goTo] = useLocation();
  useShortcuts(mayEdit ? { n: () => goTo(NEW) } : {});
  const create = mayEdit ? (
    <ButtonLink kind="primary" to={NEW}>
      <Plus className="icon" aria-hidden="true" />
      New view
    </ButtonLink>
  ) : null;
  return (
    <PageFrame
      title="Views"
      crumbs={[{ title: 'Customer Data' }, { title: 'Utilities' }]}
      subtitle="Which columns of which records are shown, downloaded, and told to other systems."
      actions={create}
    >
      <ListState
        asked={asked}
        empty={
          <EmptyState title="No views yet." action={create}>
            {create
              ? 'Design the first one.'
              : 'Ask somebody with a service key for the first one.'}
          </EmptyState>
        }
      >
        {(entries) => <ViewList views={entries} />}
      </ListState>
    </PageFrame>
  );
}

function ViewList({ views }: { readonly views: readonly ViewShown[] }) {
  const segments = useQuery(segmentsQuery).data;
  const activations = useQuery(activationsQuery).data;
  const [sought, setSought] = useState('');
  const search = useRef<HTMLInputElement>(null);
  useShortcuts({ '/': () => search.current?.focus() });
  const text = sought.trim().toLowerCase();
  const rows = views.filter(({ title, slug }) => `${title} ${slug}`.toLowerCase().includes(text));
  const columns: TableColumn<ViewShown>[] = [
    {
      name: 'title',
      title: 'View',
      cell: ({ slug, title, description, columns: shown }) => (
        <>
          <Link className="row-title" href={`/views/${slug}`}>
            {title}
          </Link>
          <span className="second view-columns">
            {description ?? shown.map(labelOf).join(', ')}
          </span>
        </>
      ),
    },
    { name: 'type', title: 'Of', cell: ({ object_type }) => <TypeTag type={object_type} /> },
    {
      name: 'segment',
      title: 'Shows',
      cell: ({ segment }) =>
        segment === undefined
          ? 'A filter of its own'
          : (segments?.find(({ slug }) => slug === segment)?.title ?? segment),
    },
    {
      name: 'columns',
      title: 'Columns',
      isRight: true,
      cell: ({ columns: shown }) => <span className="number">{numberText(shown.length)}</span>,
    },
    {
      name: 'uses',
      title: 'Used by',
      cell: ({ slug }) => {
        const webhooks = activations?.filter(({ view }) => view === slug).length ?? 0;
        if (webhooks === 0) return <span className="quiet">Nothing yet</span>;
        return countedText(webhooks, 'webhook');
      },
    },
  ];
  return (
    <>
      <div className="tools">
        <SearchField
          ref={search}
          label="Title or slug"
          value={sought}
          onChange={setSought}
          keyCap="/"
        />
      </div>
      {rows.length === 0 ? (
        <div className="card">
          <EmptyState title="No view is like that." />
        </div>
      ) : (
        <Table
          label="Views"
          className="views-table"
          rows={rows}
          columns={columns}
          keyOf={({ slug }) => slug}
        />
      )}
    </>
  );
}
