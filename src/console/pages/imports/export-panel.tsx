/**
 * export-panel.tsx – All records of a type, or the members of a segment, as a file.
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { Choice } from '../../parts/choice.tsx';
import { FormRow } from '../../parts/form-row.tsx';
import { Panel } from '../../parts/panel.tsx';
import { titleText } from '../../parts/words.ts';
import { ask } from '../../server/ask.ts';
import { jobsQuery } from '../../server/operations.ts';
import type { JobShown } from '../../server/operations-answers.ts';
import { segmentsQuery, typesQuery } from '../../server/queries.ts';

const FORMATS = [
  ['csv', 'CSV'],
  ['ndjson', 'NDJSON'],
] as const;

export function ExportPanel() {
  const types = useQuery(typesQuery).data ?? [];
  const segments = useQuery(segmentsQuery).data ?? [];
  const client = useQueryClient();
  const [chosenType, setType] = useState('');
  const [segment, setSegment] = useState('');
  const [format, setFormat] = useState<'csv' | 'ndjson'>('csv');
  const type = chosenType || (types[0]?.name ?? '');
  const begin = useMutation({
    mutationFn: () =>
      ask<JobShown>(`/v1/exports/${encodeURIComponent(type)}`, {
        method: 'POST',
        body: { format, ...(segment === '' ? {} : { segment }) },
      }),
    onSettled: () => client.invalidateQueries({ queryKey: jobsQuery.queryKey }),
  });
  if (types.length === 0) return null;
  return (
    <Panel title="Export">
      <form
        className="panel-body import-fields"
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate();
        }}
      >
        <FormRow label="Records of">
          {(tie) => (
            <select
              {...tie}
              className="field"
              value={type}
              onChange={({ target }) => {
                setType(target.value);
                setSegment('');
              }}
            >
              {types.map(({ name, label }) => (
                <option key={name} value={name}>
                  {titleText(name, label)}
                </option>
              ))}
            </select>
          )}
        </FormRow>
        <FormRow label="In the segment">
          {(tie) => (
            <select
              {...tie}
              className="field"
              value={segment}
              onChange={({ target }) => setSegment(target.value)}
            >
              <option value="">All of them</option>
              {segments
                .filter(({ object_type }) => object_type === type)
                .map(({ slug, title }) => (
                  <option key={slug} value={slug}>
                    {title}
                  </option>
                ))}
            </select>
          )}
        </FormRow>
        <Choice label="Format" choices={FORMATS} value={format} onChoose={setFormat} />
        <Button type="submit" isDisabled={begin.isPending}>
          Export
        </Button>
      </form>
      {begin.error ? (
        <p className="panel-body fault" role="alert">
          {begin.error.message}
        </p>
      ) : null}
    </Panel>
  );
}
