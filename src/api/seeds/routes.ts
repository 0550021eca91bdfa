/**
 * routes.ts – `/v1/seeds`: definitions, and records if asked for, from one deployment to another.
 *
 * Keeps true: what is exported can be imported as it is, by this or by another deployment, and
 * importing it twice changes nothing. An export is streamed; the body of an import is held only if
 * it is taken over within the request.
 */
import { Readable } from 'node:stream';
import Type from 'typebox';
import { findObjectType } from '../../catalog/entries.ts';
import { escapeExpressions } from '../../catalog/seed-expressions.ts';
import { DEFINITION_KINDS, type DefinitionKind, writeDefinitions } from '../../catalog/seeds.ts';
import type { RecordData } from '../../change/record.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { Problem } from '../../errors.ts';
import {
  applyDefinitions,
  applyRecords,
  examineSeed,
  type GivenItem,
  refuseFaulty,
  type SeedSource,
} from '../../jobs/seeding.ts';
import { PageBudget } from '../../membership/page.ts';
import type { ReadOptions } from '../../membership/read-options.ts';
import { PART_BYTES_MAX } from '../../parts.ts';
import { breathe } from '../../time-slice.ts';
import { preferredForm } from '../accepts.ts';
import { answers } from '../answers.ts';
import { ARRAY_BYTES_MAX } from '../changes/routes.ts';
import { named } from '../fields.ts';
import { formatJob } from '../jobs/format.ts';
import type { Routes } from '../route.ts';
import { type SeedPieces, seedPieces } from './body.ts';

const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)(?:\s*;|$)/i;
const LINES = 'application/x-ndjson';
const FORMS = ['application/json', LINES] as const;
const RECORDS = 'records:';
const PAGE_RECORDS = 1000;
/** Lines that are told together. */
const TEXT_LENGTH = 64 * 1024;
const READ: ReadOptions = { consistency: 'strong', timeoutMs: 30_000 };
/**
 * Entries of each list in an answer: more than fit into a body that is taken over within a request.
 */
const LISTED_MAX = 1_000_000;

const flag = (description: string) => Type.Optional(Type.Boolean({ default: false, description }));

export const seedRoutes: Routes = async (app, { deployment, held, jobs }) => {
  app.addContentTypeParser(LINES_TYPE, async (_: unknown, payload: Readable) => payload);

  app.get(
    '/v1/seeds',
    {
      schema: {
        summary: 'Export definitions as a seed',
        description:
          'Each after those that it refers to, without ids and times; of records the live ones, without their histories. Imported into an empty deployment it makes the same. Streamed; as NDJSON, an item a line, if Accept asks for it.',
        operationId: 'exportSeed',
        querystring: Type.Object({
          include: Type.Optional(
            Type.String({
              default: DEFINITION_KINDS.join(','),
              description: `Of ${DEFINITION_KINDS.join(', ')} and records:<type>, separated by commas.`,
              examples: ['object_types,segments,views,records:contacts'],
            }),
          ),
        }),
        response: answers(
          { 200: named('Seed') },
          'parameter_invalid',
          'object_type_unknown',
          'not_caught_up',
        ),
      },
    },
    async (request, reply) => {
      const { query, headers } = request;
      const { kinds, types } = await readInclude(query.include ?? '', deployment);
      const items = seedItems(deployment, kinds, types);
      const isLines = preferredForm(headers.accept, FORMS) === LINES;
      return held.stream(request, reply, async () =>
        isLines
          ? reply.type(LINES).send(Readable.from(asLines(items)))
          : reply.type('application/json; charset=utf-8').send(Readable.from(asArray(items))),
      );
    },
  );

  app.post(
    '/v1/seeds',
    {
      bodyLimit: ARRAY_BYTES_MAX,
      schema: {
        summary: 'Import a seed',
        description:
          'In the order that the items need, whatever order they are in. All or nothing: a fault in one item changes nothing, and each fault is named by its pointer. What is there already is left alone; what is in it twice is refused. A segment may be an item as it is, without an envelope. A JSON array may have up to 16 MB; as NDJSON, an item a line, and with async=true a seed may be of any size.',
        operationId: 'importSeed',
        querystring: Type.Object({
          dry_run: flag('Only tell what would be done.'),
          async: flag('Answer at once with a job (202).'),
        }),
        body: {
          content: {
            'application/json': { schema: named('Seed') },
            'application/x-ndjson': { schema: named('Seed') },
          },
        },
        response: answers(
          { 200: named('SeedReport'), 202: named('Job') },
          'parameter_invalid',
          'body_malformed',
          'body_too_long',
          'content_type_unsupported',
          'body_invalid',
          'seed_invalid',
          'catalog_conflict',
          'catalog_full',
          'not_caught_up',
          'overloaded',
        ),
      },
    },
    async ({ query, body }, reply) => {
      const { dry_run: isDryRun = false, async: isJob = false } = query;
      const pieces = seedPieces(body);
      if (!isJob) return takeOver(await gather(pieces), isDryRun, deployment);
      const id = jobs.newId();
      try {
        let total = 0;
        for await (const piece of pieces) {
          await jobs.store.pushInput(id, piece);
          total += piece.length;
        }
        const job = await jobs.add(id, 'seed', { dry_run: isDryRun }, { total });
        return reply.code(202).header('location', `/v1/jobs/${id}`).send(formatJob(job));
      } catch (error) {
        await jobs.store.drop(id).catch(() => {}); // it ends by itself
        throw error;
      }
    },
  );
};

/** All items of a seed that is taken over within the request. @throws Problem body_too_long */
async function gather(pieces: SeedPieces): Promise<GivenItem[][]> {
  const all: GivenItem[][] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += JSON.stringify(piece).length;
    if (bytes > 2 * ARRAY_BYTES_MAX)
      throw new Problem(
        'body_too_long',
        `a seed of more than ${ARRAY_BYTES_MAX} bytes is sent with ?async=true`,
      );
    all.push(piece);
  }
  return all;
}

async function takeOver(
  pieces: readonly GivenItem[][],
  isDryRun: boolean,
  deployment: Deployment,
): Promise<unknown> {
  const source: SeedSource = async function* () {
    yield* pieces;
  };
  const examined = await examineSeed(source, deployment, LISTED_MAX);
  if (!isDryRun) {
    refuseFaulty(examined);
    await applyDefinitions(examined, deployment);
    for (const piece of pieces) await applyRecords(piece, examined.lookups, deployment);
  }
  return { ...examined.plan, totals: examined.totals };
}

/** @throws Problem parameter_invalid | object_type_unknown */
async function readInclude(include: string, { store }: Deployment) {
  const kinds: DefinitionKind[] = [];
  const types: string[] = [];
  for (const part of include.split(',').map((each) => each.trim())) {
    const kind = DEFINITION_KINDS.find((known) => known === part);
    if (kind) kinds.push(kind);
    else if (part.startsWith(RECORDS))
      types.push((await findObjectType(store, part.slice(RECORDS.length))).name);
    else {
      const detail = `include names ${DEFINITION_KINDS.join(', ')} and records:<type>, not '${part}'`;
      throw new Problem('parameter_invalid', detail, [{ path: '/include', detail }]);
    }
  }
  await store.refresh();
  return { kinds, types };
}

type Item = { readonly object_type: string; readonly id?: unknown; readonly data: unknown };

async function* seedItems(
  { store, records }: Deployment,
  kinds: readonly DefinitionKind[],
  types: readonly string[],
): AsyncGenerator<Item[]> {
  yield writeDefinitions(store.catalog, kinds);
  for (const type of types) {
    for (let cursor: string | undefined, isMore = true; isMore; isMore = cursor !== undefined) {
      const page = await records.shapedPage(
        type,
        { limit: PAGE_RECORDS, cursor },
        {
          ...{ ...READ, shape: (named) => named },
          budget: new PageBudget(PART_BYTES_MAX),
        },
      );
      yield page.data.map(({ id, record }) => recordItem(type, id, record.data));
      cursor = page.next_cursor ?? undefined;
    }
  }
}

/**
 * As it will be read: the id among the values, or beside them if they hold one; what looks like an
 * expression is text.
 */
function recordItem(objectType: string, id: string, data: RecordData): Item {
  const text = escapeExpressions(id);
  if (data['id'] === id)
    return { object_type: objectType, id: text, data: escapeExpressions(data) };
  const { id: _, ...others } = data;
  return {
    object_type: objectType,
    data: { id: text, ...(escapeExpressions(others) as RecordData) },
  };
}

/** An item a line, so that two exports can be compared line by line. */
async function* asArray(items: AsyncIterable<Item[]>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const some of items) {
    for (const item of some) {
      yield `${before}${JSON.stringify(item)}`;
      before = ',\n';
    }
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

async function* asLines(items: AsyncIterable<Item[]>): AsyncGenerator<string> {
  let text = '';
  for await (const some of items) {
    for (const item of some) {
      text += `${JSON.stringify(item)}\n`;
      if (text.length < TEXT_LENGTH) continue;
      yield text;
      text = '';
      await breathe();
    }
  }
  if (text !== '') yield text;
}
