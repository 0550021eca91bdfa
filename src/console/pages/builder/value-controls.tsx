/**
 * value-controls.tsx – The value of a condition, by the form that its operator takes and the type
 * of the attribute.
 *
 * Keeps true: a text that is no number stays as it was typed, and the server's code says so.
 */
import { X } from 'lucide-react';
import { useState } from 'react';
import type { AttributeType, ObjectType, ScalarType } from '../../../change/object-type.ts';
import { wallClockAt } from '../../../change/time-zone.ts';
import { isRelative } from '../../../query/time/relative-time.ts';
import type { RuleSubject } from '../../../query/words/subject.ts';
import { titleText } from '../../parts/words.ts';
import { relativeValue } from './dates.ts';
import type { DraftRule } from './draft.ts';
import { useEditing } from './editing.ts';
import type { OperatorRow } from './fields.ts';
import { SuggestField } from './suggest-field.tsx';

interface ValueControlProps {
  readonly rule: DraftRule;
  readonly row: OperatorRow;
  readonly subject: RuleSubject;
  /** The type of the records that the rule is about. */
  readonly type: ObjectType;
  readonly path: string;
  readonly isFaulty: boolean;
}

export function ValueControl(props: ValueControlProps) {
  const { rule, row, subject, type, path, isFaulty } = props;
  const { change, table } = useEditing();
  const set = (value: unknown) => change(path, (now) => ({ ...now, value }), `value ${path}`);
  if (rule.valueSource === 'field') return <AttributeChoice {...props} />;
  const kind = kindOf(rule, subject);
  const of = { type: type.name, path: rule.aggregate === undefined ? rule.field : '' };
  const one = { kind, of, isFaulty };
  const { value } = rule;
  switch (row.value) {
    case 'none':
      return null;
    case 'window': {
      const { amount, unit } = membersOf(value);
      return (
        <>
          <NumberField
            label="Amount"
            value={amount}
            isFaulty={isFaulty}
            onChange={(next) => set({ amount: next, unit })}
          />
          <UnitChoice
            label="Unit"
            units={table.window_units}
            value={unit}
            many={amount !== 1}
            onChoose={(next) => set({ amount, unit: next })}
          />
        </>
      );
    }
    case 'period': {
      const { unit } = membersOf(value);
      const { period_units: units } = table;
      return (
        <UnitChoice
          label="Period"
          units={units}
          value={unit}
          onChoose={(next) => set({ unit: next })}
        />
      );
    }
    case 'list':
      return <ListField {...one} value={value} onChange={set} />;
    case 'range': {
      const [low, high] = Array.isArray(value) ? value : ['', ''];
      return (
        <>
          <OneField {...one} label="From" value={low} onChange={(next) => set([next, high])} />
          <span className="builder-word">and</span>
          <OneField {...one} label="To" value={high} onChange={(next) => set([low, next])} />
        </>
      );
    }
    default:
      return <OneField {...one} label="Value" value={value} onChange={set} />;
  }
}

/** The type that the value is of. */
function kindOf(rule: DraftRule, { attribute }: RuleSubject): AttributeType {
  if (rule.aggregate !== undefined) return 'number';
  if (attribute?.type === 'list') return attribute.of ?? 'string';
  return attribute?.type ?? 'string';
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

// ——— One value ———

interface OneFieldProps {
  readonly kind: AttributeType;
  readonly of: { readonly type: string; readonly path: string };
  readonly isFaulty: boolean;
  readonly label: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

function OneField({ kind, of, isFaulty, label, value, onChange }: OneFieldProps) {
  if (isRelative(value)) return <MovingField label={label} value={value} onChange={onChange} />;
  switch (kind) {
    case 'number':
      return <NumberField label={label} value={value} isFaulty={isFaulty} onChange={onChange} />;
    case 'boolean':
      return (
        <select
          className="builder-select"
          aria-label={label}
          aria-invalid={isFaulty || undefined}
          value={typeof value === 'boolean' ? String(value) : ''}
          onChange={({ target }) => onChange(target.value === '' ? '' : target.value === 'true')}
        >
          <option value="">Choose</option>
          <option value="true">Yes</option>
          <option value="false">No</option>
        </select>
      );
    case 'date':
    case 'datetime':
      return <DayField {...{ kind, label, value, isFaulty, onChange }} />;
    default:
      return (
        <SuggestField
          label={label}
          of={of}
          value={textOf(value)}
          isFaulty={isFaulty}
          onChange={onChange}
        />
      );
  }
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: unknown;
  readonly isFaulty?: boolean;
  readonly onChange: (value: number | string) => void;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** "1." is on the way to a number: what was typed stays, what it says so far is told. */
export function NumberField({ label, value, isFaulty = false, onChange }: NumberFieldProps) {
  const [typed, setTyped] = useState<string>();
  const shown = typed !== undefined && numberOf(typed) === value ? typed : textOf(value);
  return (
    <input
      className="builder-input is-number"
      inputMode="decimal"
      aria-label={label}
      aria-invalid={isFaulty || undefined}
      autoComplete="off"
      size={Math.max(2, Math.min(16, shown.length))}
      value={shown}
      onChange={({ target }) => {
        setTyped(target.value);
        onChange(numberOf(target.value));
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}

/** The number that a text says, else the text. */
export function numberOf(text: string): number | string {
  const trimmed = text.trim();
  const number = Number(trimmed);
  return NUMBER.test(trimmed) && Number.isFinite(number) ? number : text;
}

interface DayFieldProps extends Omit<OneFieldProps, 'of'> {
  readonly kind: 'date' | 'datetime';
}

/** A day, or a moment on the clocks of the deployment's zone; a day alone is the whole of it. */
function DayField({ kind, label, value, isFaulty, onChange }: DayFieldProps) {
  const { timeZone } = useEditing();
  const [day, clock] = clockParts(value, timeZone);
  return (
    <>
      <input
        type="date"
        className="builder-input is-day"
        aria-label={label}
        aria-invalid={isFaulty || undefined}
        value={day}
        onChange={({ target }) => onChange(momentOf(target.value, clock))}
      />
      {kind === 'datetime' && day !== '' ? (
        <input
          type="time"
          className="builder-input is-clock"
          aria-label={`${label}, time; without one the whole day`}
          value={clock}
          onChange={({ target }) => onChange(momentOf(day, target.value))}
        />
      ) : null}
    </>
  );
}

/** The day and the time of day that a value shows; no time, if it means the whole day. */
export function clockParts(value: unknown, timeZone: string): readonly [string, string] {
  const text = textOf(value);
  const [day = '', rest = ''] = /^(\d{4}-\d\d-\d\d)(?:[T ](.*))?$/.exec(text)?.slice(1) ?? [];
  if (!rest) return [day, ''];
  const isLocal = !/(?:Z|[+-]\d\d:?\d\d)$/i.test(rest);
  if (isLocal) return [day, rest.slice(0, 5)];
  const instant = Date.parse(text);
  if (!Number.isFinite(instant)) return ['', ''];
  const wall = new Date(wallClockAt(instant, timeZone)).toISOString();
  return [wall.slice(0, 10), wall.slice(11, 16)];
}

function momentOf(day: string, clock: string): string {
  return day === '' || clock === '' ? day : `${day}T${clock}`;
}

/** So long before or after an anchor. */
function MovingField({ label, value, onChange }: Omit<OneFieldProps, 'kind' | 'of' | 'isFaulty'>) {
  const { table } = useEditing();
  const { anchor, offset, unit = 'day' } = membersOf(value);
  const amount = Number(offset ?? 0);
  const [isAhead, setAhead] = useState(amount > 0);
  const tell = (next: number, of: string, from: string) => onChange(relativeValue(next, of, from));
  const sign = isAhead ? 1 : -1;
  return (
    <>
      <NumberField
        label={`${label}: amount`}
        value={Math.abs(amount)}
        onChange={(next) => tell(sign * Math.abs(Number(next) || 0), String(unit), String(anchor))}
      />
      <UnitChoice
        label={`${label}: unit`}
        units={table.relative.units}
        value={unit}
        many={Math.abs(amount) !== 1}
        onChoose={(next) => tell(amount, next, String(anchor))}
      />
      <select
        className="builder-select"
        aria-label={`${label}: before or after what`}
        value={`${isAhead ? 'after' : 'before'} ${anchor}`}
        onChange={({ target }) => {
          const [way, from = 'now'] = target.value.split(' ');
          setAhead(way === 'after');
          tell((way === 'after' ? 1 : -1) * Math.abs(amount), String(unit), from);
        }}
      >
        {table.relative.anchors.flatMap((each) =>
          (['before', 'after'] as const).map((way) => (
            <option key={`${way} ${each}`} value={`${way} ${each}`}>
              {sideTitle(way, each)}
            </option>
          )),
        )}
      </select>
    </>
  );
}

/** "ago", "before the start of the month" */
function sideTitle(way: 'before' | 'after', anchor: string): string {
  const [, edge, unit = ''] = /^(start|end)Of(.+)$/.exec(anchor) ?? [];
  if (edge) return `${way} the ${edge} of the ${unit.toLowerCase()}`;
  return way === 'before' ? 'ago' : 'from now';
}

interface UnitChoiceProps {
  readonly label: string;
  readonly units: readonly string[];
  readonly value: unknown;
  readonly many?: boolean;
  readonly onChoose: (unit: string) => void;
}

function UnitChoice({ label, units, value, many = false, onChoose }: UnitChoiceProps) {
  return (
    <select
      className="builder-select"
      aria-label={label}
      value={String(value)}
      onChange={({ target }) => onChoose(target.value)}
    >
      {units.map((unit) => (
        <option key={unit} value={unit}>
          {many ? `${unit}s` : unit}
        </option>
      ))}
    </select>
  );
}

// ——— Several values ———

interface ListFieldProps extends Omit<OneFieldProps, 'label'> {}

function ListField({ kind, of, isFaulty, value, onChange }: ListFieldProps) {
  const [text, setText] = useState('');
  const values: readonly unknown[] = Array.isArray(value)
    ? value
    : textOf(value).split(',').filter(Boolean);
  const add = (typed: string) => {
    setText('');
    const parts = kind === 'string' ? [typed] : typed.split(',');
    const next = parts.map((part) => scalarOf(part.trim(), kind as ScalarType));
    const fresh = next.filter((each) => each !== '' && !values.includes(each));
    if (fresh.length > 0) onChange([...values, ...fresh]);
  };
  return (
    <span className="builder-values">
      {values.map((each, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a value may be there twice
        <span className="builder-value" key={`${at} ${textOf(each)}`}>
          {textOf(each)}
          <button
            type="button"
            aria-label={`Remove ${textOf(each)}`}
            onClick={() => onChange(values.toSpliced(at, 1))}
          >
            <X className="icon is-small" aria-hidden="true" />
          </button>
        </span>
      ))}
      <SuggestField
        label="Add a value"
        of={of}
        value={text}
        placeholder={values.length === 0 ? 'Values' : '+'}
        isFaulty={isFaulty}
        onChange={(typed) =>
          kind !== 'string' && typed.endsWith(',') ? add(typed) : setText(typed)
        }
        onTake={add}
        onBackspace={() => values.length > 0 && onChange(values.slice(0, -1))}
      />
    </span>
  );
}

function scalarOf(text: string, kind: ScalarType): unknown {
  if (kind === 'number') return numberOf(text);
  if (kind === 'boolean') return text === 'true' || (text !== 'false' && text);
  return text;
}

// ——— Another attribute ———

function AttributeChoice({ rule, subject, path, isFaulty }: ValueControlProps) {
  const { change } = useEditing();
  const { type: there, own, attribute } = subject;
  const others = [...there.attributes].filter(
    ([name, each]) => name !== own && comparable(each.type, attribute?.type),
  );
  const value = textOf(rule.value);
  const isKnown = others.some(([name]) => name === value);
  return (
    <select
      className="builder-select"
      aria-label="The other attribute"
      aria-invalid={isFaulty || undefined}
      value={value}
      onChange={({ target }) => change(path, (now) => ({ ...now, value: target.value }))}
    >
      <option value="">Choose an attribute</option>
      {isKnown || value === '' ? null : <option value={value}>{value}</option>}
      {others.map(([name, { label }]) => (
        <option key={name} value={name}>
          {titleText(name, label)}
        </option>
      ))}
    </select>
  );
}

const isOfTime = (type: AttributeType | undefined) => type === 'date' || type === 'datetime';

function comparable(left: AttributeType, right: AttributeType | undefined): boolean {
  return left === right || (isOfTime(left) && isOfTime(right));
}
