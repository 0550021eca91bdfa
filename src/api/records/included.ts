/**
 * included.ts – The records that a read of one record includes: those it is related to.
 */
import type { ObjectType } from '../../change/object-type.ts';
import type { Deployment } from '../../engine/deployment.ts';
import { Problem } from '../../errors.ts';
import { PageBudget } from '../../membership/page.ts';
import { EVENTUAL } from '../../membership/read-options.ts';
import type { NamedRecord } from '../../membership/record-reader.ts';
import { type Hop, hopNamed, hopsFrom } from '../../query/predicate/relationships.ts';
import { LIMIT_DEFAULT } from '../page.ts';
import { joined, pageText } from '../page-text.ts';
import { formatRecord, showRecord } from './format.ts';
import type { IncludeQuery } from './schemas.ts';

/** The steps that `include` names. @throws Problem parameter_invalid */
export function readInclude(
  { include = '', include_cursor: cursor }: IncludeQuery,
  type: ObjectType,
  types: ReadonlyMap<string, ObjectType>,
): Hop[] {
  const refuse = (path: string, detail: string) =>
    new Problem('parameter_invalid', detail, [{ path, detail }]);
  const names = include === '' ? [] : [...new Set(include.split(','))];
  const hops = names.map((name) => {
    const hop = hopNamed(type, name, types);
    if (hop) return hop;
    const known = hopsFrom(type, types).map((each) => each.name);
    const all =
      known.length === 0
        ? `${type.name} have none`
        : `those of ${type.name} are ${known.join(', ')}`;
    throw refuse('/include', `there is no relationship '${name}': ${all}`);
  });
  if (cursor && !(hops.length === 1 && hops[0]!.many))
    throw refuse(
      '/include_cursor',
      'a cursor goes on with one to-many relationship, and include must name it alone',
    );
  return hops;
}

/** The included pages share the bytes of one page; each relationship gives at least one record. */
export async function withIncluded(
  type: string,
  of: NamedRecord,
  hops: readonly Hop[],
  query: IncludeQuery,
  { limits, related }: Deployment,
): Promise<Buffer> {
  const { include_limit: limit = LIMIT_DEFAULT, include_cursor: cursor } = query;
  const own = JSON.stringify(formatRecord(type, of.id, of.record));
  const parts: (string | Buffer)[] = [own.slice(0, -1), ',"included":{'];
  let left = limits.pageBytes;
  for (const [at, hop] of hops.entries()) {
    const budget = new PageBudget(Math.max(left, 1));
    const shape = (named: NamedRecord) => showRecord(hop.target, named);
    const options = { ...EVENTUAL, shape, budget };
    const asked = { limit, cursor: cursor || undefined };
    const page = await related.shapedPage(of, hop, asked, options);
    left = budget.left;
    const one = page.data[0]?.text ?? 'null';
    parts.push(
      `${at === 0 ? '' : ','}${JSON.stringify(hop.name)}:`,
      hop.many ? pageText(page) : one,
    );
  }
  return joined([...parts, '}}']);
}
