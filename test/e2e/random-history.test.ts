/**
 * random-history.test.ts – As a stranger would, over HTTP: 20,000 records, 200 random segments over
 * every operator, 50,000 random changes; at 20 points in between and at the end every count, every
 * membership and the segments of every record are those of json-logic-js.
 *
 * That is ROLLCALL_WHOLE=1; by default 1,500 records and 4,000 changes, at 4 points. Replay with
 * ROLLCALL_SEED=<seed>. The reference is kept per record: it asks json-logic-js again of each
 * record that changed.
 */
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildServer } from '../../src/api/server.ts';
import type { Change } from '../../src/change/change.ts';
import { objectTypeDefinition } from '../../src/change/object-type.ts';
import type { Deployment } from '../../src/engine/deployment.ts';
import { holds } from '../../src/query/json-logic/reference.ts';
import {
  anyObjectType,
  attributesOf,
  operatorNames,
  queryOf,
} from '../support/arbitrary-queries.ts';
import { built, openTestDeployment } from '../support/deployment.ts';
import { isWhole } from '../support/whole.ts';

const SEED = Number(process.env.ROLLCALL_SEED ?? 1);
const RECORDS = isWhole ? 20_000 : 1_500;
const SEGMENTS = 200;
const CHANGES = isWhole ? 50_000 : 4_000;
const POINTS = isWhole ? 20 : 4;
/** Segments whose member lists are paged through at each point; at the end all are. */
const LISTED = 5;
const KEY = 'a-master-key-for-the-tests';

interface Segment {
  readonly slug: string;
  readonly json_logic: unknown;
}

let deployment: Deployment;
let server: FastifyInstance;
let base: string;

beforeAll(async () => {
  deployment = await openTestDeployment({ partitions: 16 });
  server = await buildServer(deployment, {
    keys: [{ role: 'master', key: KEY }],
    logger: pino({ level: 'silent' }),
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  base = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/v1`;
});
afterAll(async () => {
  await server.close();
  await deployment.close();
});

async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  type = 'application/json',
): Promise<T> {
  const text =
    body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${KEY}`,
    ...(text === undefined ? {} : { 'content-type': type }),
  };
  const response = await fetch(`${base}${path}`, {
    method,
    headers,
    ...(text === undefined ? {} : { body: text }),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
  return JSON.parse(answer) as T;
}

/** The records as the changes leave them, and which segments json-logic-js puts each into. */
class Reference {
  readonly #segments: readonly Segment[];
  readonly #type: string;
  readonly #records = new Map<string, { data: Record<string, unknown>; archived: boolean }>();
  readonly slugs = new Map<string, ReadonlySet<string>>();

  constructor(type: string, segments: readonly Segment[]) {
    this.#type = type;
    this.#segments = segments;
  }

  apply({ op, id, data, object_type }: Change): void {
    expect(object_type).toBe(this.#type);
    const record = this.#records.get(id);
    if (op === 'put')
      this.#records.set(id, { data: { ...data }, archived: record?.archived ?? false });
    else if (!record) return;
    else if (op === 'delete') this.#records.delete(id);
    else if (op === 'patch') patch(record.data, data ?? {});
    else record.archived = op === 'archive';
    this.#evaluate(id);
  }

  #evaluate(id: string): void {
    const record = this.#records.get(id);
    const isSeen = record && !record.archived;
    const slugs = isSeen
      ? this.#segments
          .filter(({ json_logic: rule }) => holds(rule, record.data))
          .map(({ slug }) => slug)
      : [];
    this.slugs.set(id, new Set(slugs));
  }

  members(slug: string): string[] {
    return [...this.slugs].filter(([, slugs]) => slugs.has(slug)).map(([id]) => id);
  }

  counts(): Map<string, number> {
    const counts = new Map(this.#segments.map(({ slug }) => [slug, 0]));
    for (const slugs of this.slugs.values())
      for (const slug of slugs) counts.set(slug, counts.get(slug)! + 1);
    return counts;
  }
}

function patch(data: Record<string, unknown>, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === null) delete data[name];
    else data[name] = value;
  }
}

async function compare(
  reference: Reference,
  segments: readonly Segment[],
  listed: readonly Segment[],
): Promise<void> {
  const { counts } = await call<{ counts: { slug: string; count: number; status: string }[] }>(
    'POST',
    '/segments/counts',
    {},
  );
  const expected = reference.counts();
  expect(counts).toHaveLength(segments.length);
  const wrong = counts.filter(
    ({ slug, count, status }) => status !== 'ready' || count !== expected.get(slug),
  );
  expect(wrong).toEqual([]);
  await compareRecords(reference, segments);
  for (const { slug } of listed)
    expect((await members(slug)).sort()).toEqual(reference.members(slug).sort());
}

/**
 * Every pair of record and segment, by lookup; the state row behind it is that of
 * segments-of-a-record.
 */
async function compareRecords(reference: Reference, segments: readonly Segment[]): Promise<void> {
  const ids = [...reference.slugs.keys()];
  for (let from = 0; from < ids.length; from += 1000) {
    const some = ids.slice(from, from + 1000);
    const body = { object_type: 'things', ids: some, segments: segments.map(({ slug }) => slug) };
    const { memberships } = await call<{ memberships: Record<string, string[]> }>(
      'POST',
      '/memberships/lookup',
      body,
    );
    for (const id of some) {
      const engine = new Set(memberships[id]);
      const expected = reference.slugs.get(id)!;
      if (engine.size === expected.size && [...engine].every((slug) => expected.has(slug)))
        continue;
      throw new Error(
        `seed=${SEED} record=${id} engine=[${[...engine]}] reference=[${[...expected]}]`,
      );
    }
  }
  for (const id of ids.slice(0, 20)) {
    const { segments: slugs } = await call<{ segments: string[] }>(
      'GET',
      `/records/things/${encodeURIComponent(id)}/segments`,
    ).catch(() => ({ segments: [] }));
    expect(slugs).toEqual([...reference.slugs.get(id)!].sort());
  }
}

async function members(slug: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const page: { data: { id: string }[]; next_cursor: string | null } = await call(
      'GET',
      `/segments/${slug}/members?limit=1000${cursor}`,
    );
    ids.push(...page.data.map(({ id }) => id));
    if (page.next_cursor === null) return ids;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

async function ingest(changes: readonly Change[]): Promise<void> {
  for (let from = 0; from < changes.length; from += 5000) {
    const lines = changes.slice(from, from + 5000).map((change) => JSON.stringify(change));
    const report = await call<{ accepted: number; rejected: { code: string }[] }>(
      'POST',
      '/changes?timeout_ms=60000',
      lines.join('\n'),
      'application/x-ndjson',
    );
    expect(report.accepted + report.rejected.length).toBe(lines.length);
    expect(report.rejected.filter(({ code }) => code !== 'record_unknown')).toEqual([]);
  }
}

function noteOperators(query: unknown, seen: Set<unknown>): void {
  if (typeof query !== 'object' || query === null) return;
  for (const [name, value] of Object.entries(query)) {
    if (name === 'operator') seen.add(value);
    else noteOperators(value, seen);
  }
}

describe(`${RECORDS} records, ${SEGMENTS} segments, ${CHANGES} changes over HTTP`, {
  timeout: 600_000,
}, () => {
  it(`every count and membership is that of json-logic-js at ${POINTS} points and at the end (seed=${SEED})`, async () => {
    const [type] = fc.sample(anyObjectType, { seed: SEED, numRuns: 1 });
    await call('PUT', '/object-types/things', objectTypeDefinition(type!));
    const queries = fc.sample(queryOf(type!, ['s-0', 's-1', 's-2']), {
      seed: SEED,
      numRuns: SEGMENTS - 3,
    });
    const first = fc.sample(queryOf(type!), { seed: SEED, numRuns: 3 });
    const segments: Segment[] = [];
    for (const [at, query] of [...first, ...queries].entries()) {
      segments.push(
        await call('POST', '/segments', {
          title: `S ${at}`,
          slug: `s-${at}`,
          object_type: 'things',
          query,
        }),
      );
    }
    const seen = new Set<unknown>();
    for (const query of [...first, ...queries]) noteOperators(query, seen);
    expect(operatorNames().filter((name) => !seen.has(name))).toEqual([]);

    const random = fc.sample(attributesOf(type!), { seed: SEED, numRuns: RECORDS + CHANGES });
    const reference = new Reference('things', segments);
    const records: Change[] = random
      .slice(0, RECORDS)
      .map((data, i) => ({ op: 'put', object_type: 'things', id: `t-${i}`, data }));
    for (const change of records) reference.apply(change);
    await ingest(records);
    await built(deployment);

    const ops = fc.sample(
      fc.constantFrom(
        'put',
        'patch',
        'patch',
        'patch',
        'patch',
        'archive',
        'restore',
        'restore',
        'delete',
      ),
      { seed: SEED, numRuns: CHANGES },
    );
    const ids = fc.sample(fc.nat({ max: RECORDS + 200 }), { seed: SEED, numRuns: CHANGES });
    const names = [...type!.attributes.keys()];
    const changes = ops.map((op, i): Change => {
      const target = { object_type: 'things', id: `t-${ids[i]}` };
      if (op === 'put') return { op, ...target, data: random[RECORDS + i]! };
      if (op !== 'patch') return { op: op as 'archive', ...target };
      const name = names[i % names.length]!;
      return { op, ...target, data: { [name]: random[RECORDS + i]![name] ?? null } };
    });
    for (let point = 0; point <= POINTS; point++) {
      const some = changes.slice(
        Math.floor((point * CHANGES) / (POINTS + 1)),
        Math.floor(((point + 1) * CHANGES) / (POINTS + 1)),
      );
      await ingest(some);
      for (const change of some) reference.apply(change);
      const from = (point * LISTED) % SEGMENTS;
      await compare(
        reference,
        segments,
        point === POINTS ? segments : segments.slice(from, from + LISTED),
      );
    }
  });
});
