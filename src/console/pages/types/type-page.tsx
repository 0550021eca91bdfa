/**
 * type-page.tsx – What the records of a type hold, where they lead, and what uses them.
 */
import '../../styles/panels.css';
import './types.css';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { hasPage, type PageProps } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { countedText, titleText } from '../../parts/words.ts';
import type { WholeTypeShown } from '../../server/operations-answers.ts';
import { segmentsQuery, typesQuery, viewsQuery } from '../../server/queries.ts';
import { isGone } from '../../server/refusal.ts';
import { PageFrame } from '../../shell/page.tsx';
import { graphOf } from './type-graph.ts';
import { TypeGraph } from './type-graph-view.tsx';
import { typeQuery } from './type-query.ts';
import { usesOfType } from './type-uses.ts';

const CRUMBS = [
  { title: 'Customer Data' },
  { title: 'Utilities' },
  { title: 'Object types', to: '/types' },
];

export default function TypePage({ params }: PageProps) {
  const name = params['name']!;
  const { data: type, error, refetch } = useQuery(typeQuery(name));
  if (error && (isGone(error) || !type))
    return (
      <PageFrame title={name} crumbs={CRUMBS}>
        {isGone(error) ? (
          <EmptyState
            title="There is no such object type."
            action={<ButtonLink to="/types">All object types</ButtonLink>}
          />
        ) : (
          <ErrorView error={error} onRetry={() => void refetch()} />
        )}
      </PageFrame>
    );
  if (!type || type.name !== name)
    return (
      <PageFrame title={titleText(name)} crumbs={CRUMBS}>
        <div className="card">
          <SkeletonRows />
        </div>
      </PageFrame>
    );
  return <Shown type={type} />;
}

function Shown({ type }: { readonly type: WholeTypeShown }) {
  const { name, label, description } = type;
  const records = useQuery(typesQuery).data?.find((each) => each.name === name)?.records;
  return (
    <PageFrame
      title={titleText(name, label)}
      crumbs={CRUMBS}
      beside={<TypeTag type={name} />}
      subtitle={
        <>
          {description ? `${description}. ` : ''}
          {records === undefined ? '' : `${countedText(records, 'record')}. `}
          In the API it is <code className="code">{name}</code>.
        </>
      }
      actions={
        hasPage('/records/:type') ? <ButtonLink to={`/records/${name}`}>Records</ButtonLink> : null
      }
    >
      <Relationships type={type} />
      <Attributes type={type} />
      <UsedBy type={name} />
    </PageFrame>
  );
}

function Relationships({ type }: { readonly type: WholeTypeShown }) {
  const types = useQuery(typesQuery).data;
  const graph = useMemo(() => {
    const labels = new Map(types?.map(({ name, label }) => [name, titleText(name, label)]));
    return graphOf(type, (name) => labels.get(name) ?? titleText(name));
  }, [type, types]);
  const ways = Object.keys(type.relationships).length;
  const inverse = Object.keys(type.inverse_relationships).length;
  return (
    <Panel
      title="Relationships"
      beside={
        <span className="quiet">
          {ways + inverse === 0 ? 'None' : `${ways} of its own, ${inverse} that lead here`}
        </span>
      }
    >
      {ways + inverse === 0 ? (
        <p className="panel-body quiet">
          It stands alone: no type leads here, and it leads nowhere.
        </p>
      ) : (
        <TypeGraph graph={graph} />
      )}
    </Panel>
  );
}

function Attributes({ type }: { readonly type: WholeTypeShown }) {
  const { attributes, relationships, title_attribute: title } = type;
  const keys = Object.entries(relationships).filter(([, { key }]) => !(key in attributes));
  const count = Object.keys(attributes).length;
  return (
    <Panel title="Attributes" beside={<span className="quiet">{count}</span>}>
      <table className="attributes">
        <thead>
          <tr>
            <th scope="col">Called</th>
            <th scope="col">In the API</th>
            <th scope="col">Holds</th>
            <th scope="col">Means</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(attributes).map(
            ([name, { type: kind, of, label, description, format }]) => (
              <tr key={name}>
                <th scope="row">
                  {titleText(name, label)}
                  {name === title ? <span className="quiet"> (names the record)</span> : null}
                </th>
                <td className="code">{name}</td>
                <td>{kind === 'list' && of ? `list of ${of}` : kind}</td>
                <td>
                  {description}
                  {format ? <span className="quiet"> written as {format}</span> : null}
                </td>
              </tr>
            ),
          )}
          {keys.map(([way, { key, to, cardinality }]) => (
            <tr key={key}>
              <th scope="row">{titleText(key)}</th>
              <td className="code">{key}</td>
              <td>{cardinality === 'many' ? 'list of ids' : 'id'}</td>
              <td className="quiet">
                Key of {way}, leads to {to}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function UsedBy({ type }: { readonly type: string }) {
  const segments = useQuery(segmentsQuery).data;
  const views = useQuery(viewsQuery).data;
  if (!segments || !views)
    return (
      <Panel title="Used by">
        <SkeletonRows rows={2} />
      </Panel>
    );
  const uses = usesOfType(type, segments, views);
  const isNone = uses.segments.length + uses.views.length === 0;
  return (
    <Panel title="Used by">
      {isNone ? (
        <p className="panel-body quiet">No segment and no view is of this type yet.</p>
      ) : (
        <ul className="panel-rows used-by">
          {uses.segments.map(({ slug, title, words }) => (
            <li key={`segment ${slug}`}>
              <span className="quiet">Segment</span>
              <Link href={`/segments/${slug}`}>{title}</Link>
              <span className="quiet">{words}</span>
            </li>
          ))}
          {uses.views.map(({ slug, title, columns }) => (
            <li key={`view ${slug}`}>
              <span className="quiet">View</span>
              {hasPage('/views/:slug') ? <Link href={`/views/${slug}`}>{title}</Link> : title}
              <span className="quiet">{countedText(columns.length, 'column')}</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
