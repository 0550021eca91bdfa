/**
 * deployment.ts – A deployment for a test, and the comparison of all that it answers with
 * json-logic-js.
 */
import { pino } from 'pino';
import { inject } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import type { Deployment, DeploymentOptions } from '../../src/engine/deployment.ts';
import { members, type ReferenceRecord } from '../reference.ts';
import { openWithClient, type TestDeployment } from './client.ts';
import { freshPrefix } from './redis.ts';

export function openTestDeployment(
  options: Partial<DeploymentOptions> = {},
): Promise<TestDeployment> {
  return openWithClient({
    redisUrl: inject('redisUrl'),
    prefix: freshPrefix(),
    partitions: 4,
    timeZone: 'UTC',
    logger: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
    runsWorker: true,
    ...options,
  });
}

/**
 * Waits until a condition holds. No test asserts how soon: a busy machine is given time.
 * @throws Error with `what` after `timeoutMs`
 */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Creates a segment and waits until it answers. */
export async function createSegment(
  deployment: Deployment,
  slug: string,
  objectType: string,
  query: unknown,
): Promise<void> {
  await deployment.segments.create({ title: slug, slug, object_type: objectType, query });
  await built(deployment);
}

/**
 * Waits until no segment is being built any more, be it that it has failed, and no predicate id is
 * being given up.
 */
export async function built(deployment: Deployment): Promise<void> {
  const { catalog } = deployment.store;
  await eventually('all segments are built', () =>
    [...catalog.predicateIds.values()].every(
      ({ status }) => status === 'ready' || status === 'failed',
    ),
  );
}

/** Sends changes, and returns how many were accepted. */
export async function send(
  deployment: Deployment,
  changes: Iterable<Change>,
  wait: 'applied' | 'accepted' = 'applied',
): Promise<number> {
  const session = deployment.ingest.session({ wait, timeoutMs: 60_000 });
  let line = 0;
  for (const change of changes) await session.addParsed(++line, change);
  return (await session.finish()).accepted;
}

/** Every member of a segment, page by page. */
async function membersOf(deployment: Deployment, slug: string, limit = 1000): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await deployment.members.page(slug, { limit, cursor });
    ids.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return ids;
}

/**
 * The differences between what the deployment answers and the reference, over all segments; none if
 * all is well.
 */
export async function differences(
  deployment: Deployment,
  records: readonly ReferenceRecord[],
): Promise<string[]> {
  const found: string[] = [];
  const segments = [...deployment.store.catalog.segments.values()];
  const { counts } = await deployment.segmentCounts.read(segments.map(({ slug }) => slug));
  const expected = new Map<string, string[]>(records.map(({ id }) => [id, []]));
  for (const [at, { slug, json_logic: rule }] of segments.entries()) {
    const reference = new Set(members(rule, records));
    const engine = await membersOf(deployment, slug);
    const set = new Set(engine);
    const engineOnly = engine.filter((id) => !reference.has(id));
    const referenceOnly = [...reference].filter((id) => !set.has(id));
    if (engineOnly.length + referenceOnly.length + engine.length - set.size > 0) {
      found.push(
        `segment=${slug} engine-only=[${engineOnly}] ` +
          `reference-only=[${referenceOnly}] listed=${engine.length}`,
      );
    }
    if (counts[at]!.count !== reference.size)
      found.push(`segment=${slug} count=${counts[at]!.count} reference=${reference.size}`);
    for (const id of reference) expected.get(id)!.push(slug);
  }
  for (const objectType of new Set(segments.map((segment) => segment.object_type))) {
    const ids = records.map(({ id }) => id);
    const slugs = await deployment.recordSegments.of(objectType, ids);
    for (const id of ids) {
      const reference = expected.get(id)!.sort().join();
      if (slugs.get(id)!.join() !== reference)
        found.push(`record=${id} segments=[${slugs.get(id)}] reference=[${reference}]`);
    }
  }
  return found;
}
