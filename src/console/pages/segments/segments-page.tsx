/**
 * segments-page.tsx – All segments: how many are in each, how that moves, and who uses it.
 */
import './segments.css';
import { useQuery } from '@tanstack/react-query';
import { Pencil, Plus, ShieldCheck, Users } from 'lucide-react';
import { useDeferredValue, useMemo, useRef, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { hasPage } from '../../pages.tsx';
import { ButtonLink } from '../../parts/button.tsx';
import { Choice } from '../../parts/choice.tsx';
import { Count } from '../../parts/count.tsx';
import { KeyCap } from '../../parts/key-cap.tsx';
import { ActionsMenu, ChoiceMenu } from '../../parts/menu.tsx';
import { SearchField } from '../../parts/search-field.tsx';
import { useShortcuts } from '../../parts/shortcuts.ts';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { Table, type TableColumn } from '../../parts/table.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { countedText, dayTimeText, titleText } from '../../parts/words.ts';
import type { AuditShown } from '../../server/answers.ts';
import {
  countsQuery,
  type ListedSegment,
  lastAuditQuery,
  segmentsQuery,
  typesQuery,
} from '../../server/queries.ts';
import { useMay } from '../../session/use-session.ts';
import { LiveDot } from '../../shell/live-dot.tsx';
import { PageFrame } from '../../shell/page.tsx';
import { useTopics } from '../../stream/use-stream.ts';
import { FirstSteps } from './first-steps.tsx';
import {
  type ListWish,
  listed,
  ORDER_CHOICES,
  type OrderChoice,
  STATUS_CHOICES,
  type StatusChoice,
} from './list.ts';
import { FreshnessCell, MovedCell, TitleCell, TrendCell, UsesCell } from './segment-cells.tsx';
import { Strip } from './strip.tsx';
import { useUses } from './uses.ts';

const SUBTITLE =
  'Saved filters whose members join and leave by themselves. Every count here is exact.';
const NEW = '/segments/new';
const EDIT = '/segments/:slug/edit';
/** Types that stand side by side; more are in a menu. */
const TYPES_BESIDE_MAX = 4;

export default function SegmentsPage() {
  const segments = useQuery(segmentsQuery);
  const types = useQuery(typesQuery);
  const mayEdit = useMay('write_catalog') && hasPage(NEW);
  const create = mayEdit ? (
    <ButtonLink kind="primary" to={NEW}>
      <Plus className="icon" aria-hidden="true" />
      New segment
    </ButtonLink>
  ) : null;
  return (
    <PageFrame
      title="Segments"
      crumbs={[{ title: 'Customer Data' }, { title: 'Utilities' }]}
      subtitle={SUBTITLE}
      actions={create}
    >
      {types.data?.length === 0 ? (
        <FirstSteps />
      ) : segments.data ? (
        <SegmentList segments={segments.data} create={create} />
      ) : segments.error ? (
        <ErrorView error={segments.error} onRetry={() => void segments.refetch()} />
      ) : (
        <div className="card">
          <SkeletonRows />
        </div>
      )}
    </PageFrame>
  );
}

/** What is sought is in the address: it can be kept, sent, and gone back to. */
function useWish(): [ListWish, (wish: Partial<ListWish>) => void] {
  const [params, setParams] = useSearchParams();
  const wish: ListWish = {
    text: params.get('q') ?? '',
    type: params.get('type') ?? '',
    status: (params.get('status') ?? 'any') as StatusChoice,
    order: (params.get('order') ?? 'used') as OrderChoice,
  };
  const change = (changed: Partial<ListWish>) =>
    setParams(
      () => {
        const { text, type, status, order } = { ...wish, ...changed };
        const kept = { q: text, type, status, order };
        const defaults = { q: '', type: '', status: 'any', order: 'used' };
        return new URLSearchParams(
          Object.entries(kept).filter(([name, value]) => value !== defaults[name as 'q']),
        );
      },
      { replace: true },
    );
  return [wish, change];
}

interface SegmentListProps {
  readonly segments: readonly ListedSegment[];
  readonly create: React.ReactNode;
}

function SegmentList({ segments, create }: SegmentListProps) {
  const [wish, change] = useWish();
  const sought = useDeferredValue(wish);
  const counts = useQuery(countsQuery).data;
  const usesOf = useUses();
  const search = useRef<HTMLInputElement>(null);
  const [seen, setSeen] = useState<readonly string[]>([]);
  const current = useRef<ListedSegment | undefined>(undefined);
  const [, goTo] = useLocation();
  const mayEdit = useMay('write_catalog');
  useTopics(seen.map((slug) => `counts:${slug}`));
  useShortcuts({
    '/': () => search.current?.focus(),
    ...(mayEdit && hasPage(NEW) ? { n: () => goTo(NEW) } : {}),
    ...(mayEdit && hasPage(EDIT)
      ? { e: () => current.current && goTo(`/segments/${current.current.slug}/edit`) }
      : {}),
  });
  const rows = useMemo(
    () => listed(segments, sought, { usesOf, counts }),
    [segments, sought, usesOf, counts],
  );
  const mostUsed = useMemo(
    () => listed(segments, NO_WISH, { usesOf, counts: undefined }).map(({ slug }) => slug),
    [segments, usesOf],
  );
  const columns = useColumns();
  if (segments.length === 0)
    return (
      <EmptyState title="No segments yet." action={create}>
        {create
          ? 'Build the first one.'
          : 'Ask somebody with a service key to build the first one.'}
      </EmptyState>
    );
  return (
    <>
      <Strip slugs={mostUsed} />
      <div className="tools">
        <SearchField
          ref={search}
          label="Title, slug, or field"
          value={wish.text}
          onChange={(text) => change({ text })}
          keyCap="/"
        />
        <TypeChoice segments={segments} value={wish.type} onChoose={(type) => change({ type })} />
        <ChoiceMenu
          label="Status"
          choices={STATUS_CHOICES}
          value={wish.status}
          onChoose={(status) => change({ status })}
        />
        <span className="grow" />
        <ChoiceMenu
          label="Order"
          kind="ghost"
          choices={ORDER_CHOICES}
          value={wish.order}
          onChoose={(order) => change({ order })}
        />
      </div>
      {rows.length === 0 ? (
        <div className="card">
          <EmptyState title="No segment is like that." />
        </div>
      ) : (
        <Table
          label="Segments"
          className="segments-table"
          rows={rows}
          columns={columns}
          keyOf={({ slug }) => slug}
          onSeen={(drawn) => setSeen(drawn.map(({ slug }) => slug))}
          onCurrent={(row) => {
            current.current = row;
          }}
        />
      )}
      <Foot />
    </>
  );
}

const NO_WISH: ListWish = { text: '', type: '', status: 'any', order: 'used' };

function useColumns(): TableColumn<ListedSegment>[] {
  const usesOf = useUses();
  const counts = useQuery(countsQuery).data;
  const types = useQuery(typesQuery).data;
  const mayEdit = useMay('write_catalog');
  const [, goTo] = useLocation();
  return useMemo(() => {
    const recordsOf = new Map(types?.map(({ name, records }) => [name, records]));
    return [
      { name: 'title', title: 'Segment', cell: (segment) => <TitleCell segment={segment} /> },
      { name: 'type', title: 'Of', cell: ({ object_type }) => <TypeTag type={object_type} /> },
      {
        name: 'members',
        title: 'Members',
        isRight: true,
        cell: ({ slug, object_type }) => (
          <Count slug={slug} read={counts?.get(slug)} of={recordsOf.get(object_type)} />
        ),
      },
      { name: 'trend', title: 'Trend', cell: ({ slug }) => <TrendCell slug={slug} /> },
      { name: 'moved', title: '24 hours', cell: ({ slug }) => <MovedCell slug={slug} /> },
      {
        name: 'freshness',
        title: 'Freshness',
        cell: (segment) => <FreshnessCell segment={segment} />,
      },
      { name: 'uses', title: 'Used by', cell: (segment) => <UsesCell uses={usesOf(segment)} /> },
      {
        name: 'more',
        title: '',
        label: 'More',
        isRight: true,
        cell: ({ slug, title }) => (
          <ActionsMenu
            label={`More for ${title}`}
            actions={[
              {
                name: 'Members',
                icon: <Users className="icon" aria-hidden="true" />,
                run: () => goTo(`/segments/${slug}`),
              },
              ...(mayEdit && hasPage(EDIT)
                ? [
                    {
                      name: 'Edit',
                      icon: <Pencil className="icon" aria-hidden="true" />,
                      run: () => goTo(`/segments/${slug}/edit`),
                    },
                  ]
                : []),
            ]}
          />
        ),
      },
    ];
  }, [usesOf, counts, types, mayEdit, goTo]);
}

interface TypeChoiceProps {
  readonly segments: readonly ListedSegment[];
  readonly value: string;
  readonly onChoose: (type: string) => void;
}

/** The types that have segments. */
function TypeChoice({ segments, value, onChoose }: TypeChoiceProps) {
  const types = useQuery(typesQuery).data;
  const used = [...new Set(segments.map(({ object_type }) => object_type))].sort();
  const choices = [
    ['', 'All'] as const,
    ...used.map((name) => {
      const label = types?.find((type) => type.name === name)?.label;
      return [name, titleText(name, label)] as const;
    }),
  ];
  if (used.length > TYPES_BESIDE_MAX)
    return <ChoiceMenu label="Of" choices={choices} value={value} onChoose={onChoose} />;
  return <Choice label="Of" choices={choices} value={value} onChoose={onChoose} />;
}

function differencesText({ differences, compared }: AuditShown): string {
  const found = differences === 0 ? 'no difference' : countedText(differences, 'difference');
  return `${found} in ${countedText(compared.segments, 'segment')}`;
}

function Foot() {
  const audit = useQuery(lastAuditQuery).data;
  const mayEdit = useMay('write_catalog');
  return (
    <div className="foot">
      <LiveDot />
      {audit ? (
        <span>
          <ShieldCheck className="icon" aria-hidden="true" />
          Compared with the reference on {dayTimeText(audit.finished_at ?? audit.started_at)}:{' '}
          {differencesText(audit)}
        </span>
      ) : null}
      <span className="grow" />
      <span className="foot-keys">
        <KeyCap name="J" />
        <KeyCap name="K" />
        move
      </span>
      <span className="foot-keys">
        <KeyCap name="Enter" />
        open
      </span>
      {mayEdit && hasPage(EDIT) ? (
        <span className="foot-keys">
          <KeyCap name="E" />
          edit
        </span>
      ) : null}
      {mayEdit && hasPage(NEW) ? (
        <span className="foot-keys">
          <KeyCap name="N" />
          new
        </span>
      ) : null}
    </div>
  );
}
