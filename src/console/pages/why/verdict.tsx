/**
 * verdict.tsx – In or not in, since when, and what the clock alone will change.
 */
import { oneOf } from '../../../query/words/names.ts';
import { spanText } from '../../parts/spans.ts';
import { useNow } from '../../parts/use-now.ts';
import { dayTimeText, titleText } from '../../parts/words.ts';
import type { ExplanationShown } from '../../server/answers.ts';

interface VerdictProps {
  readonly explanation: ExplanationShown;
  /** Of the segment. */
  readonly title: string;
  readonly objectType: string;
  readonly isDraft: boolean;
}

export function Verdict({ explanation, title, objectType, isDraft }: VerdictProps) {
  const { member, next } = explanation;
  return (
    <section className={`card verdict${member ? ' is-member' : ''}`} aria-label="Verdict">
      <div>
        <h2>{verdictText(explanation, title, objectType, isDraft)}</h2>
        <p>{sinceText(explanation, isDraft)}</p>
      </div>
      {next ? <NextChange next={next} member={member} /> : null}
    </section>
  );
}

function verdictText(
  { title: name, id, member, exists, archived }: ExplanationShown,
  title: string,
  objectType: string,
  isDraft: boolean,
): string {
  const noun = oneOf(titleText(objectType)).toLowerCase();
  if (!exists) return `There is no ${noun} ${id}, so it is not in ${title}`;
  if (archived) return `${name} is archived, so not in ${title}`;
  if (isDraft) return `${name} would ${member ? '' : 'not '}be in ${title}`;
  return `${name} is ${member ? '' : 'not '}in ${title}`;
}

function sinceText(
  { since, member, exists, archived, next }: ExplanationShown,
  isDraft: boolean,
): string {
  if (!exists) return 'The parts below say what would be asked of it.';
  if (archived) return 'Restored, it is judged again: the parts below say how.';
  if (isDraft) return 'A draft is judged by the values of now; nothing is stored.';
  if (since !== null) return `Since ${dayTimeText(since)}.`;
  if (member) return 'Since before what the feed keeps.';
  return next ? 'For now.' : 'Time alone will not change that.';
}

interface NextChangeProps {
  readonly next: NonNullable<ExplanationShown['next']>;
  readonly member: boolean;
}

function NextChange({ next: { at, searched_until }, member }: NextChangeProps) {
  const now = useNow();
  if (at === null)
    return (
      <div className="verdict-next">
        <span>The clock changes nothing until</span>
        <b>{searched_until ? dayTimeText(searched_until) : 'then'}</b>
        <span>further was not looked</span>
      </div>
    );
  const left = Date.parse(at) - now;
  return (
    <div className="verdict-next">
      <span>{member ? 'Leaves by the clock in' : 'Joins by the clock in'}</span>
      <b className="number due">{left <= 0 ? 'this moment' : spanText(left)}</b>
      <span className="number">
        <time dateTime={at}>{dayTimeText(at)}</time>, unless something changes
      </span>
    </div>
  );
}
