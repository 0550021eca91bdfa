/**
 * beside.tsx – What stands beside the reasons: whether what is stored agrees, how the record moved
 * in and out, and where else it is.
 */
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { ComingMove, MembershipEvents, membershipChanges } from '../../parts/membership-events.tsx';
import { whyAddress } from '../../parts/record-names.ts';
import { countedText, dayTimeText, numberText } from '../../parts/words.ts';
import type { ExplanationShown } from '../../server/answers.ts';
import { segmentsQuery } from '../../server/queries.ts';
import {
  recordChangesQuery,
  recordQuery,
  segmentsOfRecordQuery,
} from '../../server/record-queries.ts';

interface BesideProps {
  readonly explanation: ExplanationShown;
  readonly objectType: string;
  /** Of the saved segment; undefined: a draft is explained. */
  readonly slug: string | undefined;
}

const MOVES_MAX = 8;
const TAGS_MAX = 12;
const TIME_MS = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

export function Beside({ explanation, objectType, slug }: BesideProps) {
  return (
    <div className="why-beside">
      {slug === undefined ? null : <Checked explanation={explanation} objectType={objectType} />}
      {slug === undefined ? null : (
        <Moves explanation={explanation} objectType={objectType} slug={slug} />
      )}
      {explanation.exists ? (
        <AlsoIn id={explanation.id} objectType={objectType} slug={slug} />
      ) : null}
    </div>
  );
}

function Checked({ explanation, objectType }: Omit<BesideProps, 'slug'>) {
  const { id, exists, agrees, stored, revision, as_of_time } = explanation;
  const { data: record } = useQuery({ ...recordQuery(objectType, id), enabled: exists });
  return (
    <section className="card why-section">
      <h2>Checked against what is stored</h2>
      <dl className="facts-list">
        <dt>Stored membership</dt>
        <dd className={agrees ? 'joined' : 'left'}>{agrees ? 'Agrees' : 'Differs'}</dd>
        {agrees ? null : (
          <>
            <dt>It is stored as</dt>
            <dd>{stored ? 'a member' : 'no member'}</dd>
          </>
        )}
        {revision === null ? null : (
          <>
            <dt>Filter revision</dt>
            <dd className="number">{numberText(revision)}</dd>
          </>
        )}
        {record ? (
          <>
            <dt>Record version</dt>
            <dd className="number">{numberText(record.value.version)}</dd>
          </>
        ) : null}
        <dt>Includes every change until</dt>
        <dd className="number">{TIME_MS.format(new Date(as_of_time))}</dd>
      </dl>
      {agrees ? null : (
        <p className="left">An audit finds and repairs what differs: start one under Pulse.</p>
      )}
    </section>
  );
}

interface MovesProps {
  readonly explanation: ExplanationShown;
  readonly objectType: string;
  readonly slug: string;
}

function Moves({ explanation: { id, next, member, tree }, objectType, slug }: MovesProps) {
  const { data } = useQuery(recordChangesQuery(objectType, id, slug));
  const changes = membershipChanges(data?.events ?? []);
  const at = next?.at;
  return (
    <section className="card why-section">
      <h2>In and out of this segment</h2>
      {changes.length === 0 && !at ? (
        <p className="quiet">
          {data ? 'It neither joined nor left as far back as the feed is kept.' : 'Looking …'}
        </p>
      ) : (
        <MembershipEvents changes={changes.slice(0, MOVES_MAX)}>
          {at ? (
            <ComingMove
              text={`Will ${member ? 'leave' : 'join'} on ${dayTimeText(at)}`}
              note={comingNote(tree, at)}
            />
          ) : null}
        </MembershipEvents>
      )}
    </section>
  );
}

/** The part, or the related record of it, that time moves at that moment. */
function comingNote(part: MovesProps['explanation']['tree'], at: string): string {
  for (const child of part.children ?? []) {
    const note = comingNote(child, at);
    if (note !== '') return note;
  }
  const due = part.related?.find(({ flips_at }) => flips_at === at);
  if (due) return `By time: ${due.title} ${due.passed ? 'stops' : 'begins'} to count`;
  return part.flips_at === at ? `By time: ${part.words}` : '';
}

interface AlsoInProps {
  readonly id: string;
  readonly objectType: string;
  readonly slug: string | undefined;
}

function AlsoIn({ id, objectType, slug }: AlsoInProps) {
  const { data: slugs } = useQuery(segmentsOfRecordQuery(objectType, id));
  const { data: segments } = useQuery(segmentsQuery);
  if (!slugs) return null;
  const others = slugs.filter((each) => each !== slug);
  const titleOf = (each: string) => segments?.find((one) => one.slug === each)?.title ?? each;
  return (
    <section className="card why-section">
      <h2>
        Also in <span>{countedText(others.length, 'segment')}</span>
      </h2>
      <div className="tags">
        {others.slice(0, TAGS_MAX).map((each) => (
          <Link key={each} className="tag hue-plum" href={whyAddress(each, id)}>
            <span>{titleOf(each)}</span>
          </Link>
        ))}
        {others.length > TAGS_MAX ? (
          <span className="tag">{others.length - TAGS_MAX} more</span>
        ) : null}
      </div>
    </section>
  );
}
