/**
 * audit-panel.tsx – Whether all that is stored is what JsonLogic says of every record.
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ShieldAlert, ShieldCheck } from 'lucide-react';
import { BuildProgress } from '../../parts/build-progress.tsx';
import { Button } from '../../parts/button.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ErrorView } from '../../parts/states.tsx';
import { countedText, dayTimeText, numberText } from '../../parts/words.ts';
import type { AuditShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { newestAuditQuery } from '../../server/operations.ts';
import { lastAuditQuery } from '../../server/queries.ts';
import { useMay } from '../../session/use-session.ts';

const SAMPLES_MAX = 8;

export function AuditPanel() {
  const { data: newest, error, refetch } = useQuery(newestAuditQuery);
  const { data: completed } = useQuery(lastAuditQuery);
  const client = useQueryClient();
  const mayEdit = useMay('write_catalog');
  const begin = useMutation({
    mutationFn: (repair: boolean) =>
      ask<AuditShown>('/v1/audits', { method: 'POST', body: { repair } }),
    onSuccess: (audit) => client.setQueryData(newestAuditQuery.queryKey, audit),
    onSettled: () => client.invalidateQueries({ queryKey: ['audits'] }),
  });
  const isRunning = newest?.status === 'running' || newest?.status === 'waiting';
  // A list that was read before the end of the newest does not have its outcome yet.
  const last = newest?.status === 'completed' ? newest : completed;
  const canRepair = last && last.differences > 0 && !last.repaired;
  return (
    <Panel
      title="Last audit"
      actions={
        mayEdit && newest !== undefined ? (
          <>
            {canRepair ? (
              <Button
                size="small"
                isDisabled={isRunning || begin.isPending}
                onPress={() => begin.mutate(true)}
              >
                Audit and repair
              </Button>
            ) : null}
            <Button
              size="small"
              isDisabled={isRunning || begin.isPending}
              onPress={() => begin.mutate(false)}
            >
              Audit now
            </Button>
          </>
        ) : null
      }
    >
      <div className="panel-body audit" role="status">
        {begin.error ? <p className="fault">{begin.error.message}</p> : null}
        {newest && isRunning ? <Running audit={newest} /> : null}
        {newest?.status === 'failed' ? (
          <p className="fault">
            The one of {dayTimeText(newest.started_at)} has no result: {newest.reason}
          </p>
        ) : null}
        {last ? (
          <Outcome audit={last} />
        ) : error && !newest ? (
          <ErrorView error={error} onRetry={() => void refetch()} />
        ) : newest === null ? (
          <p className="quiet">
            Nothing has been compared yet. An audit asks JsonLogic about every record and every
            segment, beside live changes.
          </p>
        ) : null}
      </div>
    </Panel>
  );
}

function Running({ audit: { status, progress, repair } }: { readonly audit: AuditShown }) {
  const done = progress?.done ?? 0;
  const share = progress?.total ? Math.min(1, done / progress.total) : 0;
  const what = repair ? 'Compares and repairs' : 'Compares';
  const note =
    status === 'waiting' ? 'It begins soon' : `${what}: ${countedText(done, 'record')} so far`;
  return <BuildProgress progress={share} note={note} />;
}

function Outcome({ audit }: { readonly audit: AuditShown }) {
  const { compared, differences, samples, repaired, finished_at, started_at, reason } = audit;
  const isRight = differences === 0;
  const Icon = isRight ? ShieldCheck : ShieldAlert;
  return (
    <>
      <p className={`audit-verdict ${isRight || repaired ? 'joined' : 'left'}`}>
        <Icon className="icon" aria-hidden="true" />
        <strong>
          {isRight ? 'No difference' : countedText(differences, 'difference')}
          {repaired && !isRight ? ', all repaired' : ''}
        </strong>
      </p>
      <p>
        {dayTimeText(finished_at ?? started_at)}: {countedText(compared.records, 'record')} in{' '}
        {countedText(compared.segments, 'segment')}, {numberText(compared.evaluations)} answers of
        JsonLogic.
      </p>
      {reason === undefined ? null : <p className="note">{reason}</p>}
      {samples.length === 0 ? null : (
        <ul className="audit-samples">
          {samples.slice(0, SAMPLES_MAX).map(({ kind, at, expected, found }) => (
            <li key={`${kind} ${at}`}>
              <span className="code">
                {kind} {at}
              </span>
              : {String(found)}, should be {String(expected)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
