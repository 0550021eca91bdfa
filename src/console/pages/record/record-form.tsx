/**
 * record-form.tsx – Edits the values of a record.
 *
 * Keeps true: it is saved only over what one has seen. If somebody else was faster, that is said
 * beside what was typed, and nothing typed is lost. A refusal is shown at its field, and the first
 * of them gets the focus.
 */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { titleText } from '../../parts/words.ts';
import type { RecordShown, TypeShown } from '../../server/answers.ts';
import { ask, type TaggedAnswer } from '../../server/ask.ts';
import { recordPath, recordQuery } from '../../server/record-queries.ts';
import { isOvertaken, ServerRefusal } from '../../server/refusal.ts';
import { type Drafts, draftText, type EditedField, patchOf } from './edited.ts';

interface RecordFormProps {
  readonly type: TypeShown;
  readonly found: TaggedAnswer<RecordShown>;
  readonly onDone: () => void;
}

export function RecordForm({ type, found, onDone }: RecordFormProps) {
  const client = useQueryClient();
  // What it was when the editing began: a later reading of it is not what one has seen.
  const [base, setBase] = useState(found);
  const [drafts, setDrafts] = useState<Drafts>({});
  const [ownFaults, setOwnFaults] = useState<ReadonlyMap<string, string>>(new Map());
  const form = useRef<HTMLFormElement>(null);
  const { object_type, id, data } = base.value;
  const fields = fieldsOf(type);
  const write = useMutation({
    mutationFn: (changed: Readonly<Record<string, unknown>>) =>
      ask<RecordShown>(recordPath(object_type, id), {
        method: 'PATCH',
        body: changed,
        ifMatch: base.tag,
      }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['record', object_type, id] });
      void client.invalidateQueries({ queryKey: ['records'] });
      onDone();
    },
  });
  const faults = new Map([...ownFaults, ...faultsOfFields(write.error)]);
  const firstFault = fields.find(({ name }) => faults.has(name))?.name;
  useEffect(() => {
    if (firstFault === undefined) return;
    form.current?.querySelector<HTMLElement>(`[name="${CSS.escape(firstFault)}"]`)?.focus();
  }, [firstFault]);
  const save = (event: FormEvent) => {
    event.preventDefault();
    const patch = patchOf(fields, drafts, data);
    setOwnFaults(patch.faults);
    if (patch.faults.size > 0) return;
    if (Object.keys(patch.data).length === 0) onDone();
    else write.mutate(patch.data);
  };
  const readAgain = async () => {
    const now = await client.fetchQuery({ ...recordQuery(object_type, id), staleTime: 0 });
    setBase(now);
    write.reset();
  };
  return (
    <form ref={form} className="card why-section record-form" onSubmit={save} noValidate>
      <h2>Edit</h2>
      {isOvertaken(write.error) ? (
        <div className="banner" role="alert">
          It was changed by somebody else meanwhile. Nothing was saved, and what you typed is kept.
          <span className="grow" />
          <Button size="small" onPress={() => void readAgain()}>
            Keep mine on top of it
          </Button>
          <Button
            size="small"
            onPress={() => {
              setDrafts({});
              void readAgain();
            }}
          >
            Take theirs
          </Button>
        </div>
      ) : write.error && faultsOfFields(write.error).size === 0 ? (
        <p className="left" role="alert">
          {write.error.message}
        </p>
      ) : null}
      <div className="record-fields">
        {fields.map((field) => (
          <Field
            key={field.name}
            field={field}
            value={drafts[field.name] ?? draftText(data[field.name], field.attribute)}
            fault={faults.get(field.name)}
            onChange={(text) => setDrafts((before) => ({ ...before, [field.name]: text }))}
          />
        ))}
      </div>
      <div className="form-end">
        <Button onPress={onDone}>Cancel</Button>
        <Button kind="primary" type="submit" isDisabled={write.isPending}>
          {write.isPending ? 'Saving …' : 'Save'}
        </Button>
      </div>
    </form>
  );
}

/** Attributes, then the keys of relationships. */
function fieldsOf({ attributes, relationships }: TypeShown): EditedField[] {
  const own = Object.entries(attributes).map(([name, attribute]) => ({ name, attribute }));
  const keys = Object.values(relationships).map(({ key, cardinality }): EditedField => {
    if (cardinality === 'many') return { name: key, attribute: { type: 'list', of: 'string' } };
    return { name: key, attribute: { type: 'string' } };
  });
  return [...own, ...keys];
}

/** By the attribute that the pointer begins with. */
function faultsOfFields(error: unknown): ReadonlyMap<string, string> {
  if (!(error instanceof ServerRefusal) || error.status !== 422) return new Map();
  return new Map(
    error.faults.map(({ path, detail }): [string, string] => [
      path.split('/')[1]?.replaceAll('~1', '/').replaceAll('~0', '~') ?? '',
      detail,
    ]),
  );
}

interface FieldProps {
  readonly field: EditedField;
  readonly value: string;
  readonly fault: string | undefined;
  readonly onChange: (text: string) => void;
}

function Field({ field: { name, attribute }, value, fault, onChange }: FieldProps) {
  const { type, label, description } = attribute;
  const shared = {
    id: `field-${name}`,
    name,
    className: 'field',
    value,
    'aria-invalid': fault !== undefined,
    'aria-describedby': `note-${name}`,
    onChange: ({ target }: { target: { value: string } }) => onChange(target.value),
  };
  return (
    <label htmlFor={shared.id} className={type === 'object' ? 'is-wide' : ''}>
      {titleText(name, label)}
      {type === 'boolean' ? (
        <select {...shared}>
          <option value="">No value</option>
          <option value="true">Yes</option>
          <option value="false">No</option>
        </select>
      ) : type === 'object' ? (
        <textarea {...shared} rows={4} spellCheck={false} />
      ) : (
        <input
          {...shared}
          type={type === 'date' ? 'date' : 'text'}
          inputMode={type === 'number' ? 'decimal' : 'text'}
          autoComplete="off"
        />
      )}
      <span id={`note-${name}`} className={fault === undefined ? 'second' : 'left'}>
        {fault ?? description ?? HINTS[type] ?? ''}
      </span>
    </label>
  );
}

const HINTS: Readonly<Record<string, string>> = {
  datetime: 'With its time zone: 2026-11-27T10:42:00Z',
  list: 'Separated by commas, or JSON',
  object: 'JSON',
};
