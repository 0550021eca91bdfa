/**
 * membership-events.tsx – How a record joined and left, the newest first.
 */
import './record-parts.css';
import { ArrowDown, ArrowUp, Clock } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ChangeShown } from '../server/answers.ts';
import { causeText } from './causes.ts';
import { dayTimeText } from './words.ts';

type MembershipChange = Extract<ChangeShown, { id: string }>;

/** The newest first; those of segments themselves are left out. */
export function membershipChanges(events: readonly ChangeShown[]): MembershipChange[] {
  return events.filter((event) => 'id' in event).toReversed();
}

interface MembershipEventsProps {
  readonly changes: readonly MembershipChange[];
  /** Which segment it is about, where there are several. */
  readonly named?: (slug: string) => ReactNode;
  /** What comes before them: what will happen. */
  readonly children?: ReactNode;
}

export function MembershipEvents({ changes, named, children }: MembershipEventsProps) {
  return (
    <ol className="moves">
      {children}
      {changes.map(({ cursor, event, segment, at, cause }) => {
        const hasJoined = event === 'entered';
        const Icon = hasJoined ? ArrowUp : ArrowDown;
        return (
          <li key={`${cursor} ${segment} ${event}`}>
            <Icon className={`icon ${hasJoined ? 'joined' : 'left'}`} aria-hidden="true" />
            <div>
              <b className={hasJoined ? 'joined' : 'left'}>
                {hasJoined ? 'Joined' : 'Left'} {named?.(segment)}{' '}
                <time dateTime={at}>{dayTimeText(at)}</time>
              </b>
              <span className="second">{causeText(cause)}</span>
            </div>
          </li>
        );
      })}
    </ol>
  );
}

/** What the clock alone will do. */
export function ComingMove({ text, note }: { readonly text: string; readonly note: string }) {
  return (
    <li>
      <Clock className="icon due" aria-hidden="true" />
      <div>
        <b className="due">{text}</b>
        <span className="second">{note}</span>
      </div>
    </li>
  );
}
