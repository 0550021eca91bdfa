/**
 * navigation.tsx – The ways to all pages, with how much is there.
 */
import { useQuery } from '@tanstack/react-query';
import {
  Activity,
  Columns3,
  Download,
  Filter,
  Layers,
  type LucideIcon,
  Shapes,
  Sprout,
  Webhook,
} from 'lucide-react';
import { Suspense } from 'react';
import { Link, useLocation } from 'wouter';
import { hasPage } from '../pages.tsx';
import { later } from '../parts/later.ts';
import { Mark } from '../parts/mark.tsx';
import { lookOf } from '../parts/type-look.ts';
import { numberText, titleText } from '../parts/words.ts';
import { activationsQuery, segmentsQuery, typesQuery, viewsQuery } from '../server/queries.ts';
import { useMay } from '../session/use-session.ts';

const Who = later(() => import('./who.tsx'));

interface Entry {
  readonly title: string;
  readonly to: string;
  readonly Icon: LucideIcon;
  readonly count?: number | undefined;
}

export function Navigation() {
  const types = useQuery(typesQuery).data ?? [];
  const segments = useQuery(segmentsQuery).data;
  const views = useQuery(viewsQuery).data;
  const activations = useQuery(activationsQuery).data;
  const records: Entry[] = types.map(({ name, label, records: count }) => ({
    title: titleText(name, label),
    to: hasPage('/records/:type') ? `/records/${name}` : `/segments?type=${name}`,
    Icon: lookOf(name).Icon,
    count,
  }));
  const utilities: Entry[] = [
    { title: 'Segments', to: '/segments', Icon: Filter, count: segments?.length },
    { title: 'Views', to: '/views', Icon: Columns3, count: views?.length },
    { title: 'Object types', to: '/types', Icon: Shapes, count: types.length },
    { title: 'Seeds', to: '/seeds', Icon: Sprout },
    { title: 'Imports, exports', to: '/imports', Icon: Download },
  ];
  const operations: Entry[] = [
    { title: 'Pulse', to: '/pulse', Icon: Activity },
    { title: 'Activations', to: '/activations', Icon: Webhook, count: activations?.length },
  ];
  return (
    <header className="side">
      <Link className="brand" href="/segments">
        <Mark />
        <span className="brand-name">Rollcall</span>
      </Link>
      <nav className="nav" aria-label="Main">
        <h2>Customer Data</h2>
        <Entries entries={records} />
        <h3>Utilities</h3>
        <Entries entries={utilities.filter(({ to }) => hasPage(to))} isNested />
        <Operations entries={operations.filter(({ to }) => hasPage(to))} />
      </nav>
      <Suspense fallback={<div className="who" />}>
        <Who />
      </Suspense>
    </header>
  );
}

function Operations({ entries }: { readonly entries: readonly Entry[] }) {
  const mayOperate = useMay('operate_queues');
  if (entries.length === 0 && !mayOperate) return null;
  return (
    <>
      <h2 className="nav-next">Operations</h2>
      <Entries entries={entries}>
        {mayOperate ? (
          <li>
            <a href="/admin/queues">
              <Layers className="icon" aria-hidden="true" />
              <span className="nav-name">Queues</span>
            </a>
          </li>
        ) : null}
      </Entries>
    </>
  );
}

interface EntriesProps {
  readonly entries: readonly Entry[];
  readonly isNested?: boolean;
  readonly children?: React.ReactNode;
}

function Entries({ entries, isNested = false, children }: EntriesProps) {
  const [path] = useLocation();
  return (
    <ul className={isNested ? 'nested' : ''}>
      {entries.map(({ title, to, Icon, count }) => {
        const isCurrent = path === to || path.startsWith(`${to}/`);
        return (
          <li key={to}>
            <Link
              href={to}
              title={title}
              {...(isCurrent ? { 'aria-current': 'page' as const } : {})}
            >
              <Icon className="icon" aria-hidden="true" />
              <span className="nav-name">{title}</span>
              {count === undefined ? null : (
                <span className="nav-count number">{numberText(count)}</span>
              )}
            </Link>
          </li>
        );
      })}
      {children}
    </ul>
  );
}
