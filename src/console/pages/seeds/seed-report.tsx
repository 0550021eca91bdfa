/**
 * seed-report.tsx – What a seed would do, item by item: what is wrong first.
 */
import { useQuery } from '@tanstack/react-query';
import { Equal, type LucideIcon, Pencil, Plus, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { numberText } from '../../parts/words.ts';
import { ask } from '../../server/ask.ts';
import type { SeedEntryShown, SeedReportShown } from '../../server/operations-answers.ts';
import { segmentsQuery, typesQuery } from '../../server/queries.ts';
import { itemsOf } from './seed-file.ts';
import { changedText, entryName, sentencesOf } from './seed-words.ts';

/** Items of a kind that are listed: more say nothing more. */
const LISTED_MAX = 200;

interface SeedReportProps {
  readonly file: File;
  readonly report: SeedReportShown;
}

export function SeedReport({ file, report }: SeedReportProps) {
  const { create, update, unchanged, errors, totals } = report;
  const sentences = useSentences(file);
  const segments = useQuery(segmentsQuery).data;
  const wordsNow = (slug: string) => segments?.find((each) => each.slug === slug)?.words;
  const sentenceOf = ({ object_type, slug }: SeedEntryShown) =>
    object_type === 'segments' && slug !== undefined ? sentences?.get(slug) : undefined;
  return (
    <div className="seed-report">
      <Items name="error" title="Errors" Icon={TriangleAlert} look="left" total={errors.length}>
        {errors.slice(0, LISTED_MAX).map((error) => (
          <li key={error.index}>
            Item {error.index + 1}, {entryName(error)}: {error.detail}
            {error.errors.length > 0 ? (
              <span className="second code">{error.errors.map(({ path }) => path).join(', ')}</span>
            ) : null}
          </li>
        ))}
      </Items>
      <Items name="create" title="Creates" Icon={Plus} look="joined" total={totals.create}>
        {create.slice(0, LISTED_MAX).map((entry) => (
          <li key={entryName(entry)}>
            Creates {entryName(entry)}.<Said title="It says" words={sentenceOf(entry)} />
          </li>
        ))}
      </Items>
      <Items name="change" title="Changes" Icon={Pencil} look="due" total={totals.update}>
        {update.slice(0, LISTED_MAX).map((entry) => {
          const isFilter = entry.changed?.includes('query');
          return (
            <li key={entryName(entry)}>
              Changes {entryName(entry)}: its {changedText(entry.changed ?? [])}.
              {isFilter ? (
                <>
                  <Said title="Now" words={wordsNow(entry.slug ?? '')} />
                  <Said title="Then" words={sentenceOf(entry)} />
                </>
              ) : null}
            </li>
          );
        })}
      </Items>
      <Items name="same" title="Stays the same" Icon={Equal} look="quiet" total={totals.unchanged}>
        {unchanged.slice(0, LISTED_MAX).map((entry) => (
          <li key={entryName(entry)}>Leaves {entryName(entry)} as it is.</li>
        ))}
      </Items>
    </div>
  );
}

function useSentences(file: File): ReadonlyMap<string, string> | undefined {
  const types = useQuery(typesQuery).data;
  const segments = useQuery(segmentsQuery).data;
  const info = useQuery({
    queryKey: ['info'],
    queryFn: ({ signal }) => ask<{ readonly time_zone: string }>('/v1/info', { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  }).data;
  const items = useQuery({
    queryKey: ['seed-items', file.name, file.size, file.lastModified],
    queryFn: async () => (await itemsOf(file)) ?? null,
    gcTime: 0,
  }).data;
  if (!types || !segments || !info || !items) return undefined;
  return sentencesOf(items, { types, segments, timeZone: info.time_zone });
}

function Said({ title, words }: { readonly title: string; readonly words: string | undefined }) {
  if (words === undefined) return null;
  return (
    <span className="second">
      {title}: “{words}”
    </span>
  );
}

interface ItemsProps {
  readonly name: string;
  readonly title: string;
  readonly Icon: LucideIcon;
  readonly look: string;
  readonly total: number;
  readonly children: ReactNode;
}

function Items({ name, title, Icon, look, total, children }: ItemsProps) {
  if (total === 0) return null;
  return (
    <section aria-label={title} data-items={name}>
      <h3 className={look}>
        <Icon className="icon" aria-hidden="true" />
        {title}
        <span className="number">{numberText(total)}</span>
      </h3>
      <ol>{children}</ol>
      {total > LISTED_MAX ? (
        <p className="quiet">And {numberText(total - LISTED_MAX)} more.</p>
      ) : null}
    </section>
  );
}
