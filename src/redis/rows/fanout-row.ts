/**
 * fanout-row.ts – Running fan-outs as they are stored: a member of `fanouts-since`, scored by the
 * commit whose news some holder has not seen, and how far it has come as a field of `fanouts`.
 *
 * Keeps true: the sorted set lists them. One whose progress is missing or unreadable begins at its
 * first holder, and so visits all of them.
 */
import { isObject } from '../../change/object-type.ts';
import type { Fanout } from '../../engine/fanouts.ts';
import type { FanoutKey } from '../../engine/partition-store.ts';

/** Edge ids hold no colon, a target may. */
export function fanoutMember({ edgeId, target }: FanoutKey): string {
  return `${edgeId}:${target}`;
}

export function packFanout({ cursor, until, wrapTo, begun }: Fanout): string {
  return JSON.stringify({ cursor, until, wrapTo, begun });
}

/** `since`: its score. */
export function unpackFanout(member: string, since: number, stored: string | null): Fanout {
  const colon = member.indexOf(':');
  const key = { edgeId: Number(member.slice(0, colon)), target: member.slice(colon + 1) };
  return { ...key, since, ...(progressIn(stored) ?? fromTheFirst(since)) };
}

function fromTheFirst(begun: number) {
  return { cursor: '', until: null, wrapTo: null, begun };
}

function progressIn(stored: string | null): Omit<Fanout, keyof FanoutKey | 'since'> | undefined {
  try {
    const read: unknown = JSON.parse(stored ?? 'null');
    return isObject(read) && typeof read['cursor'] === 'string' && 'wrapTo' in read
      ? (read as unknown as Fanout)
      : undefined;
  } catch {
    return undefined;
  }
}
