/**
 * related-tabs.tsx – The records that a record is related to, a tab for each relationship.
 */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs';
import { Link } from 'wouter';
import { Button } from '../../parts/button.tsx';
import { recordAddress, recordName, titleAttribute } from '../../parts/record-names.ts';
import { type RelationshipShown, relationshipsOf } from '../../parts/relationships.ts';
import { ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { TypeTag } from '../../parts/type-tag.tsx';
import { valueText } from '../../parts/values.tsx';
import { titleText } from '../../parts/words.ts';
import type { RecordShown, TypeShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { recordPath } from '../../server/record-queries.ts';

interface RelatedTabsProps {
  readonly type: TypeShown;
  readonly types: readonly TypeShown[];
  readonly record: RecordShown;
}

const PAGE_RECORDS = 25;
const ATTRIBUTES_MAX = 4;

interface RelatedPage {
  readonly data: readonly RecordShown[];
  readonly next_cursor: string | null;
}

type IncludedAnswer = RecordShown & {
  readonly included: Readonly<Record<string, RecordShown | RelatedPage | null>>;
};

export function RelatedTabs({ type, types, record }: RelatedTabsProps) {
  const ways = relationshipsOf(type, types);
  const [chosen, setChosen] = useState(ways[0]?.name ?? '');
  if (ways.length === 0) return null;
  return (
    <section className="card why-section" aria-label="Related records">
      <h2>Related records</h2>
      <Tabs selectedKey={chosen} onSelectionChange={(key) => setChosen(String(key))}>
        <TabList className="tab-list" aria-label="Relationships">
          {ways.map(({ name }) => (
            <Tab key={name} id={name} className="tab related-tab">
              {titleText(name)}
            </Tab>
          ))}
        </TabList>
        {ways.map((way) => (
          <TabPanel key={way.name} id={way.name}>
            <RelatedRecordsOf
              record={record}
              way={way}
              target={types.find(({ name }) => name === way.to)}
            />
          </TabPanel>
        ))}
      </Tabs>
    </section>
  );
}

interface RelatedOfProps {
  readonly record: RecordShown;
  readonly way: RelationshipShown;
  readonly target: TypeShown | undefined;
}

function RelatedRecordsOf({ record: { object_type, id }, way, target }: RelatedOfProps) {
  const read = useInfiniteQuery({
    queryKey: ['record', object_type, id, 'related', way.name],
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }): Promise<RelatedPage> => {
      const query = new URLSearchParams({ include: way.name });
      if (way.isMany) query.set('include_limit', String(PAGE_RECORDS));
      if (pageParam !== '') query.set('include_cursor', pageParam);
      const path = `${recordPath(object_type, id)}?${query}`;
      const { included } = await ask<IncludedAnswer>(path, { signal });
      const found = included[way.name];
      if (!found) return { data: [], next_cursor: null };
      return 'next_cursor' in found ? found : { data: [found], next_cursor: null };
    },
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  });
  if (read.error) return <ErrorView error={read.error} onRetry={() => void read.refetch()} />;
  if (!read.data) return <SkeletonRows rows={3} />;
  const rows = read.data.pages.flatMap(({ data }) => data);
  if (rows.length === 0)
    return <p className="quiet related-none">No {titleText(way.name).toLowerCase()} now.</p>;
  const title = target && titleAttribute(target);
  const shown = Object.entries(target?.attributes ?? {})
    .filter(([name, { type: kind }]) => name !== title && kind !== 'object' && kind !== 'list')
    .slice(0, ATTRIBUTES_MAX);
  return (
    <>
      <table className="related">
        <caption className="unseen">{titleText(way.name)}</caption>
        <thead>
          <tr>
            <th scope="col">
              <TypeTag type={way.to} />
            </th>
            {shown.map(([name, { label, type: kind }]) => (
              <th scope="col" key={name} className={kind === 'number' ? 'is-right' : ''}>
                {titleText(name, label)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((record) => (
            <tr key={record.id}>
              <th scope="row">
                <Link className="member-name" href={recordAddress(way.to, record.id)}>
                  {recordName(target, record)}
                </Link>
              </th>
              {shown.map(([name, attribute]) => (
                <td key={name} className={attribute.type === 'number' ? 'is-right number' : ''}>
                  {valueText(record.data[name], attribute)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {read.hasNextPage ? (
        <Button
          size="small"
          onPress={() => void read.fetchNextPage()}
          isDisabled={read.isFetchingNextPage}
        >
          {read.isFetchingNextPage ? 'Reading …' : 'Show more'}
        </Button>
      ) : null}
    </>
  );
}
