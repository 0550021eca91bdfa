/**
 * seed-import.tsx – Looks at a seed before it is taken over.
 *
 * Keeps true: nothing is written before its outcome was shown and somebody said so. All of it is
 * taken over, or nothing.
 */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { DropZone } from '../../parts/drop-zone.tsx';
import { Panel } from '../../parts/panel.tsx';
import { SkeletonRows } from '../../parts/states.tsx';
import { countedText } from '../../parts/words.ts';
import type { SeedReportShown } from '../../server/operations-answers.ts';
import { ServerRefusal } from '../../server/refusal.ts';
import { sendSeed } from './seed-file.ts';
import { SeedReport } from './seed-report.tsx';

export function SeedImport() {
  const [file, setFile] = useState<File>();
  const client = useQueryClient();
  const outcome = useRef<HTMLParagraphElement>(null);
  const examine = useMutation({
    mutationFn: (chosen: File) => sendSeed(chosen, { isDryRun: true }),
  });
  const apply = useMutation({
    mutationFn: (chosen: File) => sendSeed(chosen, { isDryRun: false }),
    onSettled: () =>
      client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' }),
  });
  useEffect(() => {
    if (apply.isSuccess || apply.error) outcome.current?.focus();
  }, [apply.isSuccess, apply.error]);
  const choose = (chosen: File) => {
    setFile(chosen);
    apply.reset();
    examine.mutate(chosen);
  };
  const leave = () => {
    setFile(undefined);
    examine.reset();
    apply.reset();
  };
  const report = examine.data;
  return (
    <Panel
      title="Import"
      beside={file ? <span className="quiet">{file.name}</span> : null}
      actions={
        file && !apply.isPending ? (
          <Button size="small" onPress={leave}>
            {apply.isSuccess ? 'Another file' : 'Leave it'}
          </Button>
        ) : null
      }
    >
      {!file ? (
        <div className="panel-body">
          <DropZone
            title="Drop a seed here, or choose a file"
            hint="JSON or NDJSON. What it would do is shown first."
            accept=".json,.ndjson,.jsonl,application/json"
            onFile={choose}
          />
        </div>
      ) : examine.isPending ? (
        <SkeletonRows rows={3} />
      ) : examine.error ? (
        <Refused error={examine.error} />
      ) : report ? (
        <>
          <p className="panel-body seed-outcome" role="status" tabIndex={-1} ref={outcome}>
            {apply.isSuccess
              ? doneText(report)
              : apply.isPending
                ? 'Taken over now.'
                : verdict(report)}
          </p>
          {apply.error ? <Refused error={apply.error} /> : null}
          {apply.isSuccess ? null : (
            <>
              {hasWork(report) && report.errors.length === 0 ? (
                <div className="panel-body">
                  <Button
                    kind="primary"
                    isDisabled={apply.isPending}
                    onPress={() => apply.mutate(file)}
                  >
                    {apply.isPending ? 'Applying' : 'Apply'}
                  </Button>
                </div>
              ) : null}
              <SeedReport file={file} report={report} />
            </>
          )}
        </>
      ) : null}
    </Panel>
  );
}

function hasWork({ totals }: SeedReportShown): boolean {
  return totals.create + totals.update > 0;
}

function verdict(report: SeedReportShown): string {
  const { create, update, unchanged } = report.totals;
  if (report.errors.length > 0)
    return `Nothing is taken over: ${countedText(report.errors.length, 'item')} would be refused.`;
  if (!hasWork(report)) return `All ${countedText(unchanged, 'item')} are there already.`;
  const parts = [
    create > 0 ? `create ${create}` : '',
    update > 0 ? `change ${update}` : '',
    unchanged > 0 ? `leave ${unchanged} as they are` : '',
  ];
  return `It would ${parts.filter(Boolean).join(', ')}.`;
}

function doneText({ totals: { create, update } }: SeedReportShown): string {
  return `Done: ${create} created, ${update} changed.`;
}

/** A seed that can't be read, or that the catalog has no place for any more. */
function Refused({ error }: { readonly error: unknown }) {
  const faults = error instanceof ServerRefusal ? error.faults : [];
  return (
    <div className="panel-body" role="alert">
      <p className="fault">{error instanceof Error ? error.message : String(error)}</p>
      {faults.length > 1 ? (
        <ul className="seed-faults">
          {faults.map(({ path, detail }) => (
            <li key={`${path} ${detail}`}>
              <span className="code">{path}</span> {detail}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
