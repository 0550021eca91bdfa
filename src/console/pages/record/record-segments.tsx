/**
 * record-segments.tsx – The segments that a record is in, each with its reason, and how it joined
 * and left over time.
 */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { Button } from '../../parts/button.tsx';
import { MembershipEvents, membershipChanges } from '../../parts/membership-events.tsx';
import { whyAddress } from '../../parts/record-names.ts';
import { SegmentList } from '../../parts/segment-list.tsx';
import { ErrorView } from '../../parts/states.tsx';
import { countedText } from '../../parts/words.ts';
import { segmentsQuery } from '../../server/queries.ts';
import { recordChangesQuery, segmentsOfRecordQuery } from '../../server/record-queries.ts';

const LOOK_MS = 15_000;
/** What is shown before one asks for all. */
const MOVES_FIRST = 12;

interface OfRecordProps {
  readonly type: string;
  readonly id: string;
}

function useTitleOf(): (slug: string) => string {
  const { data: segments } = useQuery(segmentsQuery);
  return (slug) => segments?.find((each) => each.slug === slug)?.title ?? slug;
}

export function RecordSegments({
  type,
  id,
  isArchived,
}: OfRecordProps & { readonly isArchived: boolean }) {
  const read = useQuery({ ...segmentsOfRecordQuery(type, id), refetchInterval: LOOK_MS });
  const titleOf = useTitleOf();
  const [, goTo] = useLocation();
  const { data: slugs, error } = read;
  return (
    <section className="card why-section">
      <h2>{slugs ? `In ${countedText(slugs.length, 'segment')}` : 'In segments'}</h2>
      {error && !slugs ? <ErrorView error={error} onRetry={() => void read.refetch()} /> : null}
      {slugs?.length === 0 ? (
        <p className="quiet">
          {isArchived ? 'It is archived, so it is in none.' : 'It is in none now.'}
        </p>
      ) : null}
      <ul className="in-segments">
        {slugs?.map((slug) => (
          <li key={slug}>
            <Link className="member-name value" href={`/segments/${encodeURIComponent(slug)}`}>
              {titleOf(slug)}
            </Link>
            <Link
              className="value-link"
              href={whyAddress(slug, id)}
              aria-label={`Why it is in ${titleOf(slug)}`}
            >
              Why
            </Link>
          </li>
        ))}
      </ul>
      <SegmentList
        label="Why not in another?"
        objectType={type}
        row={({ slug, title }, close) => (
          <Button
            kind="ghost"
            onPress={() => {
              close();
              goTo(whyAddress(slug, id));
            }}
          >
            {title}
          </Button>
        )}
      />
    </section>
  );
}

export function RecordMoves({ type, id }: OfRecordProps) {
  const { data, error, refetch } = useQuery(recordChangesQuery(type, id));
  const [isAll, setIsAll] = useState(false);
  const titleOf = useTitleOf();
  const changes = membershipChanges(data?.events ?? []);
  return (
    <section className="card why-section">
      <h2>Joined and left</h2>
      {error && !data ? <ErrorView error={error} onRetry={() => void refetch()} /> : null}
      {data && changes.length === 0 ? (
        <p className="quiet">Nothing as far back as the feed is kept.</p>
      ) : null}
      <MembershipEvents
        changes={isAll ? changes : changes.slice(0, MOVES_FIRST)}
        named={(slug) => (
          <Link href={whyAddress(slug, id)} className="moves-segment">
            {titleOf(slug)}
          </Link>
        )}
      />
      {changes.length > MOVES_FIRST && !isAll ? (
        <Button size="small" onPress={() => setIsAll(true)}>
          All {changes.length}
        </Button>
      ) : null}
      {data && !data.isWhole ? (
        <p className="quiet">The feed is long: the newest part of it was not searched.</p>
      ) : null}
    </section>
  );
}
