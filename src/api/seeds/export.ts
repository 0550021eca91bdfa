/**
 * export.ts – A deployment as a seed: its definitions, and records if asked for.
 *
 * Keeps true: an export can be imported as it is, by this or by another deployment. It is streamed.
 */
import { findObjectType } from '../../catalog/entries.ts';
import { escapeExpressions } from '../../catalog/seed-expressions.ts';
import { DEFINITION_KINDS, type DefinitionKind, writeDefinitions } from '../../catalog/seeds.ts';
import type { RecordData } from '../../change/record.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { Problem } from '../../errors.ts';
import { PageBudget } from '../../membership/page.ts';
import type { ReadOptions } from '../../membership/read-options.ts';
import { PART_BYTES_MAX } from '../../parts.ts';
import { breathe } from '../../time-slice.ts';

const RECORDS = 'records:';

const PAGE_RECORDS = 1000;

/** Lines that are sent together. */
const TEXT_LENGTH = 64 * 1024;

const READ: ReadOptions = { consistency: 'strong', timeoutMs: 30_000 };

/** @throws Problem parameter_invalid | object_type_unknown */
export async function readSeedInclude(include: string, { store }: Deployment) {
  const kinds: DefinitionKind[] = [];
  const types: string[] = [];
  for (const part of include.split(',').map((each) => each.trim())) {
    const kind = DEFINITION_KINDS.find((known) => known === part);
    if (kind) kinds.push(kind);
    else if (part.startsWith(RECORDS))
      types.push((await findObjectType(store, part.slice(RECORDS.length))).name);
    else {
      const known = `${DEFINITION_KINDS.join(', ')} and records:<type>`;
      const detail = `include names ${known}, not '${part}'`;
      throw new Problem('parameter_invalid', detail, [{ path: '/include', detail }]);
    }
  }
  await store.refresh();
  return { kinds, types };
}

type ExportedItem = { readonly object_type: string; readonly id?: unknown; readonly data: unknown };

export async function* seedItems(
  { store, records }: Deployment,
  kinds: readonly DefinitionKind[],
  types: readonly string[],
): AsyncGenerator<ExportedItem[]> {
  yield writeDefinitions(store.catalog, kinds);
  for (const type of types) {
    for (let cursor: string | undefined, isMore = true; isMore; isMore = cursor !== undefined) {
      const asked = { limit: PAGE_RECORDS, cursor };
      const page = await records.shapedPage(type, asked, {
        ...{ ...READ, shape: (named) => named },
        budget: new PageBudget(PART_BYTES_MAX),
      });
      yield page.data.map(({ id, record }) => recordItem(type, id, record.data));
      cursor = page.next_cursor ?? undefined;
    }
  }
}

/**
 * As an import will read it: the id among the values, or beside them if they hold one. Text that
 * looks like an expression is escaped.
 */
function recordItem(objectType: string, id: string, data: RecordData): ExportedItem {
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
export async function* asArray(items: AsyncIterable<ExportedItem[]>): AsyncGenerator<string> {
  let before = '[\n';
  for await (const some of items) {
    for (const item of some) {
      yield `${before}${JSON.stringify(item)}`;
      before = ',\n';
    }
  }
  yield before === '[\n' ? '[]\n' : '\n]\n';
}

export async function* asLines(items: AsyncIterable<ExportedItem[]>): AsyncGenerator<string> {
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
