/**
 * column-table.tsx – What each column of a file is, beside what stands in it.
 */
import { titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';
import { type CsvHead, columnNames, IDS, LEFT_OUT } from './csv-head.ts';

interface ColumnTableProps {
  readonly head: CsvHead;
  readonly type: TypeShown;
  readonly columns: readonly string[];
  readonly onChange: (columns: string[]) => void;
}

export function ColumnTable({ head: { titles, rows }, type, columns, onChange }: ColumnTableProps) {
  const names = columnNames(type);
  return (
    <table className="columns-table">
      <thead>
        <tr>
          <th scope="col">Column</th>
          <th scope="col">Is</th>
          <th scope="col">First rows</th>
        </tr>
      </thead>
      <tbody>
        {titles.map((title, at) => {
          const column = columns[at]!;
          const isNew = column !== IDS && column !== LEFT_OUT && !names.includes(column);
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: titles may be there twice
            <tr key={at}>
              <th scope="row">{title === '' ? <span className="quiet">No title</span> : title}</th>
              <td>
                {title === '' ? (
                  <span className="quiet">Left out</span>
                ) : (
                  <select
                    className="field"
                    aria-label={`${title} is`}
                    value={column}
                    onChange={({ target }) => {
                      const changed = [...columns];
                      changed[at] = target.value;
                      onChange(changed);
                    }}
                  >
                    <option value={IDS}>The id</option>
                    <option value={LEFT_OUT}>Left out</option>
                    {names.includes(title) || title === 'id' ? null : (
                      <option value={title}>Kept as “{title}”, as text</option>
                    )}
                    {names.map((name) => (
                      <option key={name} value={name}>
                        {titleText(name, type.attributes[name]?.label)}
                      </option>
                    ))}
                  </select>
                )}
                {isNew ? (
                  <p className="note">No filter can ask for it: it is not declared.</p>
                ) : null}
              </td>
              <td className="quiet samples">
                {rows
                  .map((row) => row[at] ?? '')
                  .filter(Boolean)
                  .join(' · ')}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
