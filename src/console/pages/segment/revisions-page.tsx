/**
 * revisions-page.tsx – What a segment was: each of its revisions, who made it, and the way back.
 *
 * Keeps true: to bring one back is to save it again, as a new revision, over the one that is shown.
 * If somebody else has saved meanwhile, nothing is written.
 */
import './history.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { History } from 'lucide-react';
import type { PageProps } from '../../pages.tsx';
import { Button } from '../../parts/button.tsx';
import { ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { dayTimeText } from '../../parts/words.ts';
import type { RevisionShown, SegmentShown } from '../../server/answers.ts';
import { ask, askAll, askTagged } from '../../server/ask.ts';
import { segmentPath, segmentQuery } from '../../server/queries.ts';
import { isOvertaken } from '../../server/refusal.ts';
import { useMay } from '../../session/use-session.ts';
import { SegmentFrame } from './segment-frame.tsx';

export default function RevisionsPage({ params }: PageProps) {
  return (
    <SegmentFrame slug={params['slug']!}>
      {(segment) => <Revisions key={segment.slug} segment={segment} />}
    </SegmentFrame>
  );
}

class Overtaken extends Error {}

function Revisions({ segment }: { readonly segment: SegmentShown }) {
  const { slug, revision: newest } = segment;
  const may = useMay('write_catalog');
  const client = useQueryClient();
  const { data, error, refetch } = useQuery({
    queryKey: ['segment', slug, 'revisions', newest],
    queryFn: ({ signal }) => askAll<RevisionShown>(`${segmentPath(slug)}/revisions`, signal),
  });
  const restore = useMutation({
    mutationFn: async ({ title, description, query }: RevisionShown) => {
      const { value, tag } = await askTagged<SegmentShown>(segmentPath(slug));
      if (value.revision !== newest) throw new Overtaken();
      const body = { title, description: description ?? null, query };
      return ask<SegmentShown>(segmentPath(slug), { method: 'PATCH', body, ifMatch: tag });
    },
    onSettled: () => {
      client.removeQueries({ queryKey: ['segment-to-edit', slug] });
      void client.invalidateQueries({ queryKey: ['segments'] });
      return client.invalidateQueries({ queryKey: segmentQuery(slug).queryKey });
    },
  });
  if (error && !data) return <ErrorView error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <div className="card">
        <SkeletonRows rows={4} />
      </div>
    );
  return (
    <>
      <div role="status">
        {restore.data ? <p className="joined">Saved as revision {restore.data.revision}.</p> : null}
      </div>
      {restore.error ? (
        <p className="banner" role="alert">
          {restore.error instanceof Overtaken || isOvertaken(restore.error)
            ? 'Somebody else has saved it meanwhile. Nothing was written: look at it again.'
            : restore.error.message}
        </p>
      ) : null}
      <ol className="revisions">
        {data.map((each) => (
          <Revision
            key={each.revision}
            segment={segment}
            shown={each}
            {...(may && each.revision !== newest && !restore.isPending
              ? { onRestore: () => restore.mutate(each) }
              : {})}
          />
        ))}
      </ol>
    </>
  );
}

interface RevisionProps {
  readonly segment: SegmentShown;
  readonly shown: RevisionShown;
  readonly onRestore?: () => void;
}

function Revision({ segment, shown, onRestore }: RevisionProps) {
  const { revision, at, by, title, query } = shown;
  const isNewest = revision === segment.revision;
  return (
    <li className="card revision">
      <div className="revision-head">
        <h2>
          Revision {revision}
          {title === segment.title ? '' : `: ${title}`}
        </h2>
        <span className="quiet">
          <time dateTime={at}>{dayTimeText(at)}</time>, by {by ?? 'nobody knows whom'}
        </span>
        <span className="grow" />
        {isNewest ? <span className="tag hue-green">The newest</span> : null}
        {onRestore ? (
          <Button onPress={onRestore} label={`Bring back revision ${revision}`}>
            <History className="icon" aria-hidden="true" />
            Bring back
          </Button>
        ) : null}
      </div>
      {isNewest ? (
        <p className="revision-words">{segment.words}</p>
      ) : (
        <OldWords segment={segment} shown={shown} />
      )}
      <details>
        <summary>JSON</summary>
        <pre className="code">{JSON.stringify(query, null, 2)}</pre>
      </details>
    </li>
  );
}

/** An id that no record needs to have: what is asked for are the words of the filter. */
const ANY_ID = 'any';

/** In the words of the server; of a filter that is not valid any more, why. */
function OldWords({ segment: { slug, object_type }, shown: { revision, query } }: RevisionProps) {
  const { data, error } = useQuery({
    queryKey: ['segment', slug, 'words', revision],
    queryFn: async ({ signal }) => {
      const body = { object_type, query, id: ANY_ID };
      const asked = { method: 'POST', body, reads: true, signal } as const;
      return (await ask<{ words: string }>('/v1/segments/explain', asked)).words;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (error) return <p className="revision-words left">{error.message}</p>;
  if (data === undefined) return <span className="skeleton" />;
  return <p className="revision-words">{data}</p>;
}
