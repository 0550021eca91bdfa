/**
 * import-panel.tsx – A file of records: which type, what each column is, and off it goes.
 */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { Choice } from '../../parts/choice.tsx';
import { DropZone } from '../../parts/drop-zone.tsx';
import { FormRow } from '../../parts/form-row.tsx';
import { Panel } from '../../parts/panel.tsx';
import { EmptyState, ErrorView, SkeletonRows } from '../../parts/states.tsx';
import { titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';
import { ask } from '../../server/ask.ts';
import { jobsQuery } from '../../server/operations.ts';
import type { JobShown } from '../../server/operations-answers.ts';
import { typesQuery } from '../../server/queries.ts';
import { ColumnTable } from './column-table.tsx';
import {
  beginningOf,
  type CellEnd,
  columnFault,
  columnParameters,
  likelyCellEnd,
  likelyColumns,
  readHead,
} from './csv-head.ts';

const CELL_END_TITLES = [
  [',', 'Comma'],
  [';', 'Semicolon'],
  ['\t', 'Tab'],
  ['|', 'Bar'],
] as const;

const CHARSETS = ['utf-8', 'windows-1252', 'utf-16le'] as const;
const DATES = ['dd.mm.yyyy', 'dd/mm/yyyy', 'mm/dd/yyyy', 'yyyy/mm/dd'] as const;

const OPERATIONS = [
  ['put', 'Replace records'],
  ['patch', 'Change these columns only'],
] as const;
type RowDoes = (typeof OPERATIONS)[number][0];

interface ChosenFile {
  readonly file: File;
  readonly isTable: boolean;
  readonly text: string;
}

export function ImportPanel() {
  const { data: types, error, refetch } = useQuery(typesQuery);
  const [chosen, setChosen] = useState<ChosenFile>();
  const [fault, setFault] = useState<string>();
  const choose = async (file: File) => {
    setFault(undefined);
    try {
      const text = await beginningOf(file, 'utf-8');
      const isTable = !text
        .replace(/^\uFEFF/, '')
        .trimStart()
        .startsWith('{');
      if (file.size === 0) throw new Error(`${file.name} is empty.`);
      setChosen({ file, isTable, text });
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <Panel
      title="Import"
      beside={chosen ? <span className="quiet">{chosen.file.name}</span> : null}
      actions={
        chosen ? (
          <Button size="small" onPress={() => setChosen(undefined)}>
            Leave it
          </Button>
        ) : null
      }
    >
      {!types && error ? (
        <ErrorView error={error} onRetry={() => void refetch()} />
      ) : !types ? (
        <SkeletonRows rows={2} />
      ) : types.length === 0 ? (
        <EmptyState title="There is no object type to import into yet.">
          Load a seed with one first.
        </EmptyState>
      ) : chosen ? (
        <ImportForm
          key={`${chosen.file.name} ${chosen.file.lastModified}`}
          chosen={chosen}
          types={types}
          onDone={() => setChosen(undefined)}
        />
      ) : (
        <div className="panel-body">
          <DropZone
            title="Drop a file of records here, or choose one"
            hint="CSV with titles in its first line, or NDJSON. Of any size."
            accept=".csv,.tsv,.txt,.ndjson,.jsonl,text/csv"
            onFile={(file) => void choose(file)}
          />
          {fault ? (
            <p className="fault" role="alert">
              {fault}
            </p>
          ) : null}
        </div>
      )}
    </Panel>
  );
}

interface ImportFormProps {
  readonly chosen: ChosenFile;
  readonly types: readonly TypeShown[];
  readonly onDone: () => void;
}

function ImportForm({ chosen: { file, isTable, text }, types, onDone }: ImportFormProps) {
  const client = useQueryClient();
  const [typeName, setTypeName] = useState(() => likelyType(file.name, types).name);
  const type = types.find(({ name }) => name === typeName) ?? types[0]!;
  const [charset, setCharset] = useState<string>('utf-8');
  const [cellEnd, setCellEnd] = useState<CellEnd>(() => likelyCellEnd(text));
  const [decimal, setDecimal] = useState<'.' | ','>('.');
  const [dates, setDates] = useState('');
  const [op, setOp] = useState<RowDoes>('put');
  const decoded =
    useQuery({
      queryKey: ['beginning', file.name, file.lastModified, charset],
      queryFn: () => beginningOf(file, charset),
      gcTime: 0,
    }).data ?? text;
  const head = readHead(decoded.replace(/^\uFEFF/, ''), cellEnd);
  const [given, setGiven] = useState<{ readonly of: string; readonly columns: string[] }>();
  // What was chosen is of these titles and this type; of others it is found out anew.
  const of = [type.name, ...head.titles].join('\n');
  const columns = given?.of === of ? given.columns : likelyColumns(head.titles, type);
  const wrong = isTable ? columnFault(head.titles, columns) : undefined;
  const send = useMutation({
    mutationFn: () => {
      const query = new URLSearchParams([
        ['op', op],
        ['format', isTable ? 'csv' : 'ndjson'],
      ]);
      if (isTable) {
        for (const [name, value] of columnParameters(head.titles, columns))
          query.append(name, value);
        if (cellEnd !== ',') query.set('delimiter', cellEnd);
        if (decimal !== '.') query.set('decimal', decimal);
        if (dates !== '') query.set('dates', dates);
      }
      const kind = isTable ? 'text/csv' : 'application/x-ndjson';
      return ask<JobShown>(`/v1/imports/${encodeURIComponent(type.name)}?${query}`, {
        method: 'POST',
        upload: { content: file, type: `${kind}; charset=${charset}` },
      });
    },
    onSuccess: () => onDone(),
    onSettled: () => client.invalidateQueries({ queryKey: jobsQuery.queryKey }),
  });
  return (
    <form
      className="import-form"
      onSubmit={(event) => {
        event.preventDefault();
        send.mutate();
      }}
    >
      <div className="panel-body import-fields">
        <FormRow label="Records of">
          {(tie) => (
            <select
              {...tie}
              className="field"
              value={type.name}
              onChange={({ target }) => setTypeName(target.value)}
            >
              {types.map(({ name, label }) => (
                <option key={name} value={name}>
                  {titleText(name, label)}
                </option>
              ))}
            </select>
          )}
        </FormRow>
        <FormRow label="Written in">
          {(tie) => (
            <select
              {...tie}
              className="field"
              value={charset}
              onChange={({ target }) => setCharset(target.value)}
            >
              {CHARSETS.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          )}
        </FormRow>
        {isTable ? (
          <>
            <FormRow label="Between cells">
              {(tie) => (
                <select
                  {...tie}
                  className="field"
                  value={cellEnd}
                  onChange={({ target }) => setCellEnd(target.value as CellEnd)}
                >
                  {CELL_END_TITLES.map(([value, title]) => (
                    <option key={value} value={value}>
                      {title}
                    </option>
                  ))}
                </select>
              )}
            </FormRow>
            <FormRow label="Before decimals">
              {(tie) => (
                <select
                  {...tie}
                  className="field"
                  value={decimal}
                  onChange={({ target }) => setDecimal(target.value as '.' | ',')}
                >
                  <option value=".">Point</option>
                  <option value=",">Comma</option>
                </select>
              )}
            </FormRow>
            <FormRow label="Dates as">
              {(tie) => (
                <select
                  {...tie}
                  className="field"
                  value={dates}
                  onChange={({ target }) => setDates(target.value)}
                >
                  <option value="">yyyy-mm-dd</option>
                  {DATES.map((each) => (
                    <option key={each}>{each}</option>
                  ))}
                </select>
              )}
            </FormRow>
          </>
        ) : null}
      </div>
      <div className="panel-body">
        <Choice label="What a row does" choices={OPERATIONS} value={op} onChoose={setOp} />
      </div>
      {isTable ? (
        <ColumnTable
          head={head}
          type={type}
          columns={columns}
          onChange={(changed) => setGiven({ of, columns: changed })}
        />
      ) : null}
      <div className="panel-body import-end">
        <Button kind="primary" type="submit" isDisabled={send.isPending || wrong !== undefined}>
          {send.isPending ? 'Sending' : 'Import'}
        </Button>
        <p className="note" role="status">
          {send.error ? <span className="fault">{send.error.message}</span> : (wrong ?? '')}
        </p>
      </div>
    </form>
  );
}

/** The type whose name is in that of the file; else the first. */
function likelyType(fileName: string, types: readonly TypeShown[]): TypeShown {
  const name = fileName.toLowerCase();
  return types.find((type) => name.includes(type.name.toLowerCase())) ?? types[0]!;
}
