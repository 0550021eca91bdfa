/**
 * record-page.tsx – One record: its values, what it is related to, the segments that it is in and
 * how it joined and left; editing it, for who may.
 */
import './record.css';
import '../why/why.css';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Archive, ArchiveRestore, Pencil } from 'lucide-react';
import { useState } from 'react';
import type { PageProps } from '../../pages.tsx';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { initialsOf, recordName } from '../../parts/record-names.ts';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { lookOf } from '../../parts/type-look.ts';
import { TypeTag } from '../../parts/type-tag.tsx';
import { dayTimeText, titleText } from '../../parts/words.ts';
import type { RecordShown } from '../../server/answers.ts';
import { ask, type TaggedAnswer } from '../../server/ask.ts';
import { typesQuery } from '../../server/queries.ts';
import { recordPath, recordQuery } from '../../server/record-queries.ts';
import { isGone, isOvertaken } from '../../server/refusal.ts';
import { useMay } from '../../session/use-session.ts';
import { PageFrame } from '../../shell/page.tsx';
import { RecordForm } from './record-form.tsx';
import { RecordMoves, RecordSegments } from './record-segments.tsx';
import { RecordValues } from './record-values.tsx';
import { RelatedTabs } from './related-tabs.tsx';

const LOOK_MS = 15_000;

export default function RecordPage({ params }: PageProps) {
  const { type, id } = params as { type: string; id: string };
  return <RecordShownWhole key={`${type}\n${id}`} name={type} id={id} />;
}

function RecordShownWhole({ name, id }: { readonly name: string; readonly id: string }) {
  const [isEditing, setIsEditing] = useState(false);
  const types = useQuery(typesQuery).data;
  // What is edited is compared with what was read: it stays as it is until that is done.
  const read = useQuery({ ...recordQuery(name, id), refetchInterval: isEditing ? false : LOOK_MS });
  const type = types?.find((each) => each.name === name);
  const crumbs = [
    { title: 'Customer Data' },
    { title: titleText(name, type?.label), to: `/records/${encodeURIComponent(name)}` },
  ];
  const { data: found, error } = read;
  if (error && (isGone(error) || !found))
    return (
      <PageFrame title={id} crumbs={crumbs}>
        {isGone(error) ? (
          <EmptyState
            title="There is no such record, or not any more."
            action={
              <ButtonLink to={`/records/${encodeURIComponent(name)}`}>
                {titleText(name, type?.label)}
              </ButtonLink>
            }
          />
        ) : (
          <ErrorView error={error} onRetry={() => void read.refetch()} />
        )}
      </PageFrame>
    );
  if (!found || !types || !type)
    return (
      <PageFrame title={id} crumbs={crumbs}>
        {types && !type ? (
          <EmptyState title="There is no such object type." />
        ) : (
          <div className="card">
            <SkeletonRows />
          </div>
        )}
      </PageFrame>
    );
  const record = found.value;
  const title = recordName(type, record);
  const { hue } = lookOf(name);
  return (
    <PageFrame
      title={title}
      crumbs={crumbs}
      before={
        <span className={`initials ${hue}`} aria-hidden="true">
          {initialsOf(title)}
        </span>
      }
      subtitle={
        <span className="why-names">
          <TypeTag type={name} /> <span className="code quiet">{id}</span>
          {record.archived_at === null ? null : (
            <span className="tag archived-tag">Archived {dayTimeText(record.archived_at)}</span>
          )}
        </span>
      }
      actions={isEditing ? null : <RecordActions found={found} onEdit={() => setIsEditing(true)} />}
    >
      <div className="why">
        <div className="why-main">
          {isEditing ? (
            <RecordForm type={type} found={found} onDone={() => setIsEditing(false)} />
          ) : (
            <RecordValues type={type} types={types} record={record} />
          )}
          <RelatedTabs type={type} types={types} record={record} />
        </div>
        <div className="why-beside">
          <RecordFacts record={record} />
          <RecordSegments type={name} id={id} isArchived={record.archived_at !== null} />
          <RecordMoves type={name} id={id} />
        </div>
      </div>
    </PageFrame>
  );
}

interface RecordActionsProps {
  readonly found: TaggedAnswer<RecordShown>;
  readonly onEdit: () => void;
}

function RecordActions({ found: { value: record, tag }, onEdit }: RecordActionsProps) {
  const may = useMay('write_records');
  const client = useQueryClient();
  const { object_type, id, archived_at } = record;
  const verb = archived_at === null ? 'archive' : 'restore';
  const write = useMutation({
    mutationFn: () =>
      ask<RecordShown>(`${recordPath(object_type, id)}/${verb}`, { method: 'POST', ifMatch: tag }),
    onSettled: () => client.invalidateQueries({ queryKey: ['record', object_type, id] }),
  });
  if (!may) return null;
  return (
    <>
      {write.error ? (
        <span className="left" role="alert">
          {isOvertaken(write.error)
            ? 'It was changed meanwhile: this is how it is now. Nothing was done.'
            : write.error.message}
        </span>
      ) : null}
      <Button onPress={() => write.mutate()} isDisabled={write.isPending}>
        {verb === 'archive' ? (
          <Archive className="icon" aria-hidden="true" />
        ) : (
          <ArchiveRestore className="icon" aria-hidden="true" />
        )}
        {verb === 'archive' ? 'Archive' : 'Restore'}
      </Button>
      <Button onPress={onEdit}>
        <Pencil className="icon" aria-hidden="true" />
        Edit
      </Button>
    </>
  );
}

function RecordFacts({ record }: { readonly record: RecordShown }) {
  const { version, created_at, updated_at, source_version } = record;
  return (
    <section className="card why-section">
      <h2>Record</h2>
      <dl className="facts-list">
        <dt>Version</dt>
        <dd className="number">{version}</dd>
        {source_version === undefined ? null : (
          <>
            <dt>Version of its source</dt>
            <dd className="number">{source_version}</dd>
          </>
        )}
        <dt>First seen</dt>
        <dd className="number">{dayTimeText(created_at)}</dd>
        <dt>Last changed</dt>
        <dd className="number">{dayTimeText(updated_at)}</dd>
      </dl>
    </section>
  );
}
