/**
 * few-holders.ts – Looks ahead at the news that a batch's messages bring: the holders of targets
 * that have few of them here.
 *
 * Keeps true: a target's holders are given as a whole, as they are stored before the batch, or not
 * at all. Then the step evaluates them, and neither a fan-out nor its progress is ever stored. It
 * costs one round trip, and nothing where no message brings news that is read.
 */
import type { FewHolders } from './batch.ts';
import type { CoreLimits } from './core-limits.ts';
import type { EdgesById } from './edges.ts';
import type { InboxEntry } from './message.ts';
import { type Asking, ask } from './requests.ts';

export const NO_HOLDERS: readonly FewHolders[] = [];

/** Caller: holds the lease, and commits nothing before the batch. */
export function* fewHolders(
  inbox: readonly InboxEntry[],
  edges: EdgesById,
  { fewHoldersMax, newsHoldersMax }: CoreLimits,
): Asking<readonly FewHolders[]> {
  const asked = newsOf(inbox, edges);
  if (asked.length === 0) return NO_HOLDERS;
  const found = yield* ask({ kind: 'few-holders', asked, most: fewHoldersMax });
  const few: FewHolders[] = [];
  let holders = 0;
  for (const [at, { edgeId, target }] of asked.entries()) {
    const ids = found[at];
    if (!ids || ids.length === 0) continue;
    holders += ids.length;
    if (holders > newsHoldersMax) break;
    few.push({ edgeId, target, ids });
  }
  return few;
}

/** The targets of which messages say something that holders read, each once. */
function newsOf(
  inbox: readonly InboxEntry[],
  edges: EdgesById,
): Pick<FewHolders, 'edgeId' | 'target'>[] {
  const news = new Map<string, Pick<FewHolders, 'edgeId' | 'target'>>();
  for (const { messages } of inbox) {
    for (const message of messages) {
      if (message.kind !== 'target-state') continue;
      const { edge: edgeId, target } = message;
      const isRead = (edges.get(edgeId)?.outNames.length ?? 0) > 0;
      if (isRead) news.set(`${edgeId} ${target}`, { edgeId, target });
    }
  }
  return [...news.values()];
}
