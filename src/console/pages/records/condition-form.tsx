/**
 * condition-form.tsx – Adds a condition on an attribute: which one, how it is compared, with what.
 *
 * Keeps true: operators and their words are those of the server's table. Values are sent as they
 * are typed: the server reads them as the type of the attribute, or says what is wrong.
 */
import { useQuery } from '@tanstack/react-query';
import { Plus, X } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { Button as AriaButton } from 'react-aria-components/Button';
import { Dialog, DialogTrigger } from 'react-aria-components/Dialog';
import { Popover } from 'react-aria-components/Popover';
import { Button } from '../../parts/button.tsx';
import { titleText } from '../../parts/words.ts';
import type { TypeShown } from '../../server/answers.ts';
import { operatorsQuery } from '../../server/queries.ts';
import type { ConditionRule } from './wish.ts';

/** Kinds of values that have a field here. */
const TAKEN = ['none', 'one', 'list', 'range', 'window', 'period'];
const UNITS = ['day', 'hour', 'minute', 'week'];
const PERIODS = ['day', 'week', 'month', 'quarter', 'year'];

interface ConditionFormProps {
  readonly type: TypeShown;
  readonly onAdd: (condition: ConditionRule) => void;
}

export function ConditionButton({ type, onAdd }: ConditionFormProps) {
  return (
    <DialogTrigger>
      <AriaButton className="button">
        <Plus className="icon" aria-hidden="true" />
        Condition
      </AriaButton>
      <Popover className="popover" placement="bottom start">
        <Dialog className="condition" aria-label="Add a condition">
          {({ close }) => (
            <ConditionForm
              type={type}
              onAdd={(condition) => {
                onAdd(condition);
                close();
              }}
            />
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  );
}

function ConditionForm({ type, onAdd }: ConditionFormProps) {
  const table = useQuery(operatorsQuery).data?.types;
  const attributes = Object.entries(type.attributes);
  const [field, setField] = useState(attributes[0]?.[0] ?? '');
  const kind = type.attributes[field]?.type ?? 'string';
  const operators = (table?.[kind] ?? []).filter(({ value }) => TAKEN.includes(String(value)));
  const [wanted, setOperator] = useState('');
  const operator = operators.find(({ name }) => name === wanted) ?? operators[0];
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const takes = operator?.value ?? 'none';
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (!operator) return;
    onAdd({ field, operator: operator.name, ...typedValue(takes, first, second) });
  };
  return (
    <form onSubmit={add}>
      <label>
        Attribute
        <select className="field" value={field} onChange={({ target }) => setField(target.value)}>
          {attributes.map(([name, { label }]) => (
            <option key={name} value={name}>
              {titleText(name, label)}
            </option>
          ))}
        </select>
      </label>
      <label>
        Compared
        <select
          className="field"
          value={operator?.name ?? ''}
          onChange={({ target }) => setOperator(target.value)}
        >
          {operators.map(({ name, words }) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <ValueFields
        takes={takes}
        kind={kind}
        values={[first, second]}
        onChange={(at, value) => (at === 0 ? setFirst(value) : setSecond(value))}
      />
      <Button kind="primary" type="submit">
        Add
      </Button>
    </form>
  );
}

interface ValueFieldsProps {
  readonly takes: string;
  readonly kind: string;
  readonly values: readonly [string, string];
  readonly onChange: (at: 0 | 1, value: string) => void;
}

function ValueFields({ takes, kind, values: [first, second], onChange }: ValueFieldsProps) {
  if (takes === 'none') return null;
  const choice = (at: 0 | 1, label: string, choices: readonly string[]) => (
    <label>
      {label}
      <select
        className="field"
        value={(at === 0 ? first : second) || choices[0]}
        onChange={({ target }) => onChange(at, target.value)}
      >
        {choices.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
  const text = (at: 0 | 1, label: string, input: string) => (
    <label>
      {label}
      <input
        className="field"
        type={input}
        step="any"
        required
        value={at === 0 ? first : second}
        onChange={({ target }) => onChange(at, target.value)}
      />
    </label>
  );
  if (takes === 'period') return choice(0, 'Period', PERIODS);
  if (takes === 'window')
    return (
      <>
        {text(0, 'How many', 'number')}
        {choice(1, 'Unit', UNITS)}
      </>
    );
  if (takes === 'one' && kind === 'boolean') return choice(0, 'Value', ['true', 'false']);
  const input = takes === 'list' ? 'text' : inputOf(kind);
  return (
    <>
      {text(0, takes === 'list' ? 'Values, with commas' : 'Value', input)}
      {takes === 'range' ? text(1, 'And', input) : null}
    </>
  );
}

function inputOf(kind: string): string {
  if (kind === 'number') return 'number';
  if (kind === 'date') return 'date';
  return kind === 'datetime' ? 'datetime-local' : 'text';
}

function typedValue(takes: string, first: string, second: string): { value?: unknown } {
  switch (takes) {
    case 'none':
      return {};
    case 'period':
      return { value: { unit: first || PERIODS[0] } };
    case 'window':
      return { value: { amount: Number(first), unit: second || UNITS[0] } };
    case 'range':
      return { value: [first, second] };
    case 'list':
      return { value: first.split(',').map((each) => each.trim()) };
    default:
      return { value: first || 'true' };
  }
}

interface ConditionTagsProps {
  readonly type: TypeShown;
  readonly conditions: readonly ConditionRule[];
  /** By its place, what is wrong with a condition. */
  readonly faults: ReadonlyMap<number, string>;
  readonly onRemove: (at: number) => void;
}

export function ConditionTags({ type, conditions, faults, onRemove }: ConditionTagsProps) {
  const table = useQuery(operatorsQuery).data?.types;
  return conditions.map(({ field, operator, value }, at) => {
    const attribute = type.attributes[field];
    const words = table?.[attribute?.type ?? '']?.find(({ name }) => name === operator)?.words;
    const text = `${titleText(field, attribute?.label)} ${words ?? operator} ${valueWords(value)}`;
    const fault = faults.get(at);
    return (
      <span
        // biome-ignore lint/suspicious/noArrayIndexKey: the same condition may be there twice
        key={`${at} ${text}`}
        className={`tag removable${fault === undefined ? '' : ' is-wrong'}`}
        data-path={`/query/rules/${at}`}
      >
        <span>
          {text}
          {fault === undefined ? null : `: ${fault}`}
        </span>
        <button type="button" aria-label={`Remove: ${text}`} onClick={() => onRemove(at)}>
          <X className="icon" aria-hidden="true" />
        </button>
      </span>
    );
  });
}

function valueWords(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  const { amount, unit } = value as { amount?: unknown; unit?: unknown };
  return amount === undefined ? String(unit) : `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
