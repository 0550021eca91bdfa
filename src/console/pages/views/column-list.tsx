/**
 * column-list.tsx – The columns of a view in their order: named, moved, taken away.
 *
 * Keeps true: all of it works by the keyboard: Alt with the arrows moves a column, and the focus
 * goes along. What was moved is read out.
 */
import { ArrowDown, ArrowUp, Trash2 } from 'lucide-react';
import { type KeyboardEvent, useRef, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/states.tsx';
import {
  type DraftColumn,
  labelOf,
  type ViewDraft,
  withLabel,
  withMoved,
  withoutColumn,
} from './view-draft.ts';

interface ColumnListProps {
  readonly draft: ViewDraft;
  readonly mayEdit: boolean;
  /** By the place of a column, what is wrong with it. */
  readonly faults: ReadonlyMap<number, string>;
  readonly onChange: (draft: ViewDraft) => void;
}

export function ColumnList({ draft, mayEdit, faults, onChange }: ColumnListProps) {
  const list = useRef<HTMLOListElement>(null);
  const [news, setNews] = useState('');
  const { columns } = draft;
  if (columns.length === 0)
    return (
      <EmptyState title="No columns yet.">
        {mayEdit ? 'Choose some on the left: they are shown in the order you choose them.' : ''}
      </EmptyState>
    );
  const focusSoon = (key: number | undefined) =>
    requestAnimationFrame(() => {
      const field = list.current?.querySelector<HTMLElement>(`[data-column="${key}"] input`);
      field?.focus();
    });
  const move = (column: DraftColumn, by: -1 | 1) => {
    const moved = withMoved(draft, column.key, by);
    if (moved === draft) return;
    onChange(moved);
    const at = moved.columns.findIndex(({ key }) => key === column.key);
    setNews(`${labelOf(column)} is column ${at + 1} of ${columns.length} now.`);
    focusSoon(column.key);
  };
  const remove = (column: DraftColumn) => {
    const at = columns.indexOf(column);
    onChange(withoutColumn(draft, column.key));
    setNews(`${labelOf(column)} is not shown any more.`);
    focusSoon((columns[at + 1] ?? columns[at - 1])?.key);
  };
  const press = (event: KeyboardEvent, column: DraftColumn) => {
    const by = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : undefined;
    if (!event.altKey || by === undefined || !mayEdit) return;
    event.preventDefault();
    move(column, by);
  };
  return (
    <>
      <p className="unseen" role="status">
        {news}
      </p>
      <ol className="panel-rows column-list" ref={list} aria-label="Columns, in their order">
        {columns.map((column, at) => {
          const { key, path, label = '', aggregate, where } = column;
          const name = labelOf(column);
          const fault = faults.get(at);
          return (
            <li key={key} data-column={key} onKeyDown={(event) => press(event, column)}>
              <div className="column-name">
                {mayEdit ? (
                  <input
                    className="field"
                    aria-label={`Name of column ${at + 1}`}
                    aria-invalid={fault !== undefined}
                    placeholder={name}
                    value={label}
                    maxLength={200}
                    onChange={({ target }) => onChange(withLabel(draft, key, target.value))}
                  />
                ) : (
                  <strong>{name}</strong>
                )}
                <span className="second code">
                  {aggregate === undefined ? path : `${aggregate} of ${path}`}
                  {where === undefined ? '' : ', with a condition'}
                </span>
                {fault === undefined ? null : <p className="fault">{fault}</p>}
              </div>
              {mayEdit ? (
                <div className="column-actions">
                  <Button
                    kind="ghost"
                    size="small"
                    label={`Move ${name} up`}
                    isDisabled={at === 0}
                    onPress={() => move(column, -1)}
                  >
                    <ArrowUp className="icon" aria-hidden="true" />
                  </Button>
                  <Button
                    kind="ghost"
                    size="small"
                    label={`Move ${name} down`}
                    isDisabled={at === columns.length - 1}
                    onPress={() => move(column, 1)}
                  >
                    <ArrowDown className="icon" aria-hidden="true" />
                  </Button>
                  <Button
                    kind="ghost"
                    size="small"
                    label={`Take ${name} away`}
                    onPress={() => remove(column)}
                  >
                    <Trash2 className="icon" aria-hidden="true" />
                  </Button>
                </div>
              ) : null}
            </li>
          );
        })}
      </ol>
    </>
  );
}
