/**
 * topics.ts – What a page wants to be told of, out of one stream.
 */
import { Problem } from '../../errors.ts';

const COUNTED_MAX = 200;
const FOLLOWED_MAX = 20;

export interface Topics {
  /** Segments whose numbers of members are told when they change. */
  readonly counted: readonly string[];
  /** Segments of which it is told who enters and leaves. */
  readonly followed: readonly string[];
  /** How the deployment is doing, once a second. */
  readonly pulse: boolean;
}

/** @throws Problem parameter_invalid */
export function readTopics(texts: readonly string[]): Topics {
  const counted = new Set<string>();
  const followed = new Set<string>();
  let pulse = false;
  for (const text of texts) {
    const [, kind, slug] = /^(counts|segment):(.+)$/s.exec(text) ?? [];
    if (kind === 'counts') counted.add(slug!);
    else if (kind === 'segment') followed.add(slug!);
    else if (text === 'pulse') pulse = true;
    else throw refusal(`'${text.slice(0, 100)}' is no topic: counts:SLUG, segment:SLUG or pulse`);
  }
  if (counted.size > COUNTED_MAX) throw refusal(`at most ${COUNTED_MAX} topics are of counts`);
  if (followed.size > FOLLOWED_MAX) throw refusal(`at most ${FOLLOWED_MAX} segments are followed`);
  return { counted: [...counted], followed: [...followed], pulse };
}

function refusal(detail: string): Problem {
  return new Problem('parameter_invalid', detail, [{ path: '/topic', detail }]);
}
