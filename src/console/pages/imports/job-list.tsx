/**
 * job-list.tsx – Long work: how far it is, what came of it, which lines were bad.
 */
import { useQuery } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { BuildProgress } from '../../parts/build-progress.tsx';
import { Panel } from '../../parts/panel.tsx';
import { ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { countedText, dayTimeText, numberText, titleText } from '../../parts/words.ts';
import { jobsQuery } from '../../server/operations.ts';
import type { JobShown } from '../../server/operations-answers.ts';
import { segmentsQuery, typesQuery } from '../../server/queries.ts';

/** Bad lines that are shown; all are in the file. */
const LINES_MAX = 10;

export function JobList() {
  const { data: jobs, error, refetch } = useQuery(jobsQuery);
  return (
    <Panel title="Jobs" beside={<span className="quiet">Kept for a day</span>}>
      {jobs ? (
        jobs.length === 0 ? (
          <p className="panel-body quiet">No job of the last day.</p>
        ) : (
          <ul className="panel-rows jobs">
            {jobs.map((job) => (
              <Job key={job.id} job={job} />
            ))}
          </ul>
        )
      ) : error ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : (
        <SkeletonRows rows={3} />
      )}
    </Panel>
  );
}

function Job({ job }: { readonly job: JobShown }) {
  const title = useJobTitle(job);
  const { id, kind, status, progress, problem, errors, errors_total, created_at } = job;
  const { finished_at } = job;
  const isUnderWay = status === 'waiting' || status === 'running';
  const share = progress.total ? Math.min(1, progress.done / progress.total) : 0;
  return (
    <li>
      <div className="job-head">
        <div className="job-text">
          <strong>{title}</strong>
          <p className="quiet">
            {finished_at === null
              ? `Since ${dayTimeText(created_at)}`
              : `Ended ${dayTimeText(finished_at)}`}
          </p>
        </div>
        <div className="job-state">
          {isUnderWay ? (
            <BuildProgress progress={share} note={progressText(job)} />
          ) : status === 'failed' ? (
            <span className="left">Failed</span>
          ) : (
            <span>{resultText(job)}</span>
          )}
        </div>
        <div className="job-files">
          {kind === 'export' && status === 'completed' ? (
            <a className="button is-small" href={`/v1/jobs/${id}/result`} download>
              <Download className="icon" aria-hidden="true" />
              Download
              <span className="unseen">: {title}</span>
            </a>
          ) : null}
        </div>
      </div>
      {problem ? <p className="fault">{problem.detail}</p> : null}
      {errors_total > 0 ? (
        <details className="bad-lines">
          <summary>
            <span className="left">{countedText(errors_total, 'bad line')}</span>
          </summary>
          <ol>
            {errors.slice(0, LINES_MAX).map(({ line, detail, path }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line may have several faults
              <li key={at}>
                {line === undefined ? '' : <b className="number">Line {numberText(line)}: </b>}
                {detail} {path ? <span className="code quiet">{path}</span> : null}
              </li>
            ))}
          </ol>
          <a
            className="button is-small"
            href={`/v1/jobs/${id}/errors`}
            download={`${id}-errors.ndjson`}
          >
            <Download className="icon" aria-hidden="true" />
            {errors_total > LINES_MAX ? `All ${numberText(errors_total)}` : 'As a file'}
          </a>
        </details>
      ) : null}
    </li>
  );
}

function useJobTitle({ kind, asked }: JobShown): string {
  const types = useQuery(typesQuery).data;
  const segments = useQuery(segmentsQuery).data;
  const type = asked['object_type'];
  if (typeof type !== 'string') return JOBS[kind] ?? kind;
  const records = titleText(type, types?.find(({ name }) => name === type)?.label);
  const slug = asked['segment'];
  const within =
    typeof slug === 'string'
      ? ` in ${segments?.find((segment) => segment.slug === slug)?.title ?? slug}`
      : '';
  const format = typeof asked['format'] === 'string' ? `, ${asked['format'].toUpperCase()}` : '';
  return `${JOBS[kind] ?? kind} of ${records}${within}${format}`;
}

const JOBS: Readonly<Record<string, string>> = {
  import: 'Import',
  export: 'Export',
  seed: 'Seed',
  audit: 'Audit',
};

function progressText({ status, kind, progress: { done, total } }: JobShown): string {
  if (status === 'waiting') return 'It begins soon';
  const noun = kind === 'import' ? 'row' : kind === 'seed' ? 'item' : 'record';
  const of = total === undefined ? '' : ` of ${numberText(total)}`;
  return `${numberText(done)}${of} ${done === 1 && total === undefined ? noun : `${noun}s`}`;
}

/** What came of it, by its kind. */
function resultText({ kind, result, progress }: JobShown): string {
  const found = (result ?? {}) as Readonly<Record<string, unknown>>;
  const count = (name: string) => (typeof found[name] === 'number' ? found[name] : 0);
  switch (kind) {
    case 'import': {
      const skipped = count('skipped') > 0 ? `, ${numberText(count('skipped'))} empty` : '';
      const unknown = Array.isArray(found['unknown_columns']) ? found['unknown_columns'] : [];
      const kept = unknown.length > 0 ? `; kept as text: ${unknown.join(', ')}` : '';
      return `${countedText(count('accepted'), 'record')} taken in${skipped}${kept}`;
    }
    case 'export':
      return `${countedText(count('records'), 'record')} written`;
    case 'seed': {
      const totals = (found['totals'] ?? {}) as Readonly<Record<string, number>>;
      const { create = 0, update = 0 } = totals;
      return `${numberText(create)} created, ${numberText(update)} changed`;
    }
    default:
      return `Done, ${countedText(progress.done, 'record')}`;
  }
}
