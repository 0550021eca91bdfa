/**
 * types-page.tsx – What kinds of records there are.
 */
import '../../styles/panels.css';
import './types.css';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import type { PageProps } from '../../pages.tsx';
import { EmptyState, ListState } from '../../parts/states.tsx';
import { Table, type TableColumn } from '../../parts/table.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { countedText, numberText, titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';
import { segmentsQuery, typesQuery, viewsQuery } from '../../server/queries.ts';
import { PageFrame } from '../../shell/page.tsx';
import { usesOfType } from './type-uses.ts';

export default function TypesPage(_: PageProps) {
  const asked = useQuery(typesQuery);
  return (
    <PageFrame
      title="Object types"
      crumbs={[{ title: 'Customer Data' }, { title: 'Utilities' }]}
      subtitle="What kinds of records there are, what they hold, and how they lead to each other."
    >
      <ListState
        asked={asked}
        empty={
          <EmptyState title="No object types yet.">
            Declare one with <code>PUT /v1/object-types/contacts</code>, or load a seed.
          </EmptyState>
        }
      >
        {(entries) => <TypeTable types={entries} />}
      </ListState>
    </PageFrame>
  );
}

function TypeTable({ types }: { readonly types: readonly TypeShown[] }) {
  const segments = useQuery(segmentsQuery).data;
  const views = useQuery(viewsQuery).data;
  const columns: TableColumn<TypeShown>[] = [
    {
      name: 'title',
      title: 'Type',
      cell: ({ name, label, description }) => (
        <>
          <Link className="row-title" href={`/types/${name}`}>
            {titleText(name, label)}
          </Link>
          <span className="second">{description ?? <span className="code">{name}</span>}</span>
        </>
      ),
    },
    { name: 'type', title: 'Looks like', cell: ({ name }) => <TypeTag type={name} /> },
    {
      name: 'attributes',
      title: 'Attributes',
      isRight: true,
      cell: ({ attributes }) => numberText(Object.keys(attributes).length),
    },
    {
      name: 'ways',
      title: 'Leads to',
      cell: ({ relationships }) => {
        const targets = [...new Set(Object.values(relationships).map(({ to }) => to))];
        if (targets.length === 0) return <span className="quiet">Nothing</span>;
        const labelOf = (to: string) => types.find(({ name }) => name === to)?.label;
        return targets.map((to) => titleText(to, labelOf(to))).join(', ');
      },
    },
    {
      name: 'records',
      title: 'Records',
      isRight: true,
      cell: ({ records }) =>
        records === undefined ? null : <b className="count-number">{numberText(records)}</b>,
    },
    {
      name: 'uses',
      title: 'Used by',
      cell: ({ name }) => {
        if (!segments || !views) return <span className="skeleton" />;
        const uses = usesOfType(name, segments, views);
        const parts = [
          uses.segments.length && countedText(uses.segments.length, 'segment'),
          uses.views.length && countedText(uses.views.length, 'view'),
        ].filter(Boolean);
        if (parts.length === 0) return <span className="quiet">Nothing yet</span>;
        return parts.join(', ');
      },
    },
  ];
  return (
    <Table
      label="Object types"
      className="types-table"
      rows={types}
      columns={columns}
      keyOf={({ name }) => name}
    />
  );
}
