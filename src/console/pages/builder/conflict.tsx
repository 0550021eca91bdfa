/**
 * conflict.tsx – Somebody else has saved the segment meanwhile: both filters as sentences, and what
 * can be done.
 */
import { useEffect, useRef } from 'react';
import { Button } from '../../parts/button.tsx';
import { dayTimeText } from '../../parts/words.ts';
import type { SegmentShown } from '../../server/answers.ts';
import type { TaggedAnswer } from '../../server/ask.ts';

/** What is there now, and who made it. */
export interface TheirVersion {
  readonly read: TaggedAnswer<SegmentShown>;
  readonly by: string | null;
  readonly at: string;
}

interface ConflictProps {
  readonly theirs: TheirVersion;
  readonly mine: { readonly title: string; readonly sentence: string };
  readonly onKeep: () => void;
  readonly onTake: () => void;
  readonly onSaveAsNew: () => void;
}

export function Conflict({ theirs, mine, onKeep, onTake, onSaveAsNew }: ConflictProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const { value } = theirs.read;
  const by = theirs.by ?? 'somebody else';
  return (
    <section className="card conflict" aria-labelledby="conflict-title">
      <h2 id="conflict-title" ref={heading} tabIndex={-1}>
        Changed by {by} at {dayTimeText(theirs.at)}
      </h2>
      <p className="quiet">
        Nothing of yours was saved. Revision {value.revision} is what answers now.
      </p>
      <div className="conflict-sides">
        <div>
          <h3>Yours: {mine.title}</h3>
          <p className="sentence">{mine.sentence}</p>
          <Button onPress={onKeep}>Keep mine</Button>
        </div>
        <div>
          <h3>Theirs: {value.title}</h3>
          <p className="sentence">{value.words}</p>
          <Button onPress={onTake}>Take theirs</Button>
        </div>
      </div>
      <Button kind="ghost" onPress={onSaveAsNew}>
        Save mine as a new segment
      </Button>
    </section>
  );
}
