/**
 * dead-letters.ts – `rollcall dead-letters`: what a running server could not apply, and what is to
 * become of it.
 *
 * Keeps true: the exit code is 0 only if what was asked was done; a letter that was tried again and
 * failed again is none of that.
 */
import type { Config, Role } from '../config.ts';
import { keyFor } from './master-key.ts';
import { type Call, caller, refusal, type ServerAddress } from './server-call.ts';
import { grouped, table } from './table.ts';

const PATH = '/v1/dead-letters';
const MAY: readonly Role[] = ['master', 'super_admin', 'service'];
/** Letters that a list shows. */
const LISTED_MAX = 100;
const DETAIL_LENGTH_MAX = 80;
/** Outcomes of a retry that are no success. */
const FAILED = ['dead', 'unknown'];

interface ListedLetter {
  readonly id: string;
  readonly kind: string;
  readonly detail: string;
  readonly at: string;
  readonly object_type?: string;
  readonly record_id?: string;
}

interface Retried {
  readonly outcome: string;
  readonly segments?: readonly string[];
}

/** @returns the exit code. */
export async function listDeadLetters(config: Config, options: ServerAddress): Promise<number> {
  const answer = await asked(callerOf(config, options), `${PATH}?limit=${LISTED_MAX}`);
  const { data, next_cursor: next } = (await answer.json()) as {
    data: ListedLetter[];
    next_cursor: string | null;
  };
  const rows = data.map(({ id, kind, detail, at, object_type: type, record_id: record }) => [
    id,
    at,
    kind,
    record === undefined ? '' : `${type} ${record}`,
    detail.length > DETAIL_LENGTH_MAX ? `${detail.slice(0, DETAIL_LENGTH_MAX)}…` : detail,
  ]);
  for (const line of table(rows, ['left', 'left', 'left', 'left', 'left'])) console.log(line);
  const more = next === null ? '' : `; the newest ${grouped(LISTED_MAX)} are listed`;
  console.log(data.length === 0 ? 'No dead letters.' : `${grouped(data.length)} listed${more}.`);
  return 0;
}

/** @returns the exit code. */
export async function showDeadLetter(
  config: Config,
  id: string,
  options: ServerAddress,
): Promise<number> {
  const answer = await asked(callerOf(config, options), pathOf(id));
  console.log(JSON.stringify(await answer.json(), null, 2));
  return 0;
}

/** @returns the exit code: 1 if it failed again. */
export async function retryDeadLetter(
  config: Config,
  id: string,
  options: ServerAddress,
): Promise<number> {
  const call = callerOf(config, options);
  const answer = await asked(call, `${pathOf(id)}/retry`, { method: 'POST' });
  const { outcome, segments = [] } = (await answer.json()) as Retried;
  console.log(`${id}: ${outcome}${segments.length > 0 ? ` ${segments.join(', ')}` : ''}.`);
  if (outcome === 'dead') console.log('It failed again, and is a dead letter again.');
  return FAILED.includes(outcome) ? 1 : 0;
}

/** @returns the exit code. */
export async function discardDeadLetter(
  config: Config,
  id: string,
  options: ServerAddress,
): Promise<number> {
  await asked(callerOf(config, options), pathOf(id), { method: 'DELETE' });
  console.log(`${id}: discarded.`);
  return 0;
}

function callerOf(config: Config, { url, key }: ServerAddress): Call {
  return caller(url, key ?? keyFor(config, MAY));
}

function pathOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`;
}

async function asked(call: Call, path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await call(path, init);
  if (!answer.ok) throw await refusal(answer);
  return answer;
}
