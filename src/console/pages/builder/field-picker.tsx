/**
 * field-picker.tsx – Chooses what a condition is about: one search over own attributes and what
 * lies behind relationships.
 *
 * Keeps true: relationships lead in circles, so that what lies behind one is shown when it is
 * opened. What was chosen last comes first.
 */
import { ChevronDown, ChevronRight, Filter, Search } from 'lucide-react';
import { type CSSProperties, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { Dialog } from 'react-aria-components/Dialog';
import { Popover } from 'react-aria-components/Popover';
import type { ObjectType } from '../../../change/object-type.ts';
import { lookOf } from '../../parts/type-look.ts';
import { titleText } from '../../parts/words.ts';
import type { DraftRule } from './draft.ts';
import { useEditing } from './editing.ts';
import {
  entriesBehind,
  entriesFound,
  type FieldEntry,
  isOfSegment,
  segmentRule,
  subjectOfRule,
  withField,
} from './fields.ts';

const LAST_MAX = 4;
/** Paths that were chosen last, by the type at their root. */
const lastChosen = new Map<string, string[]>();

interface FieldPickerProps {
  readonly rule: DraftRule;
  readonly type: ObjectType;
  readonly path: string;
  readonly isFaulty: boolean;
}

export function FieldPicker({ rule, type, path, isFaulty }: FieldPickerProps) {
  const { types, table, change } = useEditing();
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const isSegment = isOfSegment(rule, table) && rule.field === '';
  const { hops, own, attribute } = subjectOfRule(rule, type, types);
  const ofAggregate = rule.aggregate !== undefined;
  const last = ofAggregate || own === undefined ? hops.at(-1)?.name : own;
  const before = ofAggregate || own === undefined ? hops.slice(0, -1) : hops;
  const look = lookOf(hops.at(-1)?.target ?? type.name);
  const Icon = isSegment ? Filter : look.Icon;
  const hue = isSegment ? 'hue-plum' : rule.field === '' ? '' : look.hue;
  const title = isSegment
    ? 'Segment'
    : last === undefined
      ? 'Choose a field'
      : titleText(last, own === last ? attribute?.label : undefined);
  return (
    <>
      <button
        ref={button}
        type="button"
        data-first
        className={`builder-field ${hue}`}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-invalid={isFaulty || undefined}
        onClick={() => setOpen(true)}
      >
        <Icon className="icon" aria-hidden="true" />
        {before.map(({ name }) => (
          <span className="builder-way" key={name}>
            {titleText(name)}
            <ChevronRight className="icon" aria-hidden="true" />
          </span>
        ))}
        <span className="builder-field-name">{title}</span>
        <ChevronDown className="icon is-small" aria-hidden="true" />
      </button>
      {isOpen ? (
        <Popover
          className="popover field-popover"
          triggerRef={button}
          isOpen
          onOpenChange={setOpen}
          placement="bottom start"
        >
          <Dialog aria-label="What the condition is about" className="field-dialog">
            <FieldTree
              type={type}
              onChoose={(entry) => {
                setOpen(false);
                if (entry === 'segment') change(path, (now) => segmentRule(now, table));
                else {
                  remember(type.name, entry.path);
                  change(path, (now) => withField(now, entry, type, types, table));
                }
              }}
            />
          </Dialog>
        </Popover>
      ) : null}
    </>
  );
}

function remember(type: string, path: string): void {
  const before = (lastChosen.get(type) ?? []).filter((each) => each !== path);
  lastChosen.set(type, [path, ...before].slice(0, LAST_MAX));
}

type Chosen = FieldEntry | 'segment';

interface TreeRow {
  readonly key: string;
  readonly entry: Chosen;
  readonly title: string;
  readonly note: string;
  readonly depth: number;
  /** It opens, or is open already, instead of being chosen. */
  readonly opens?: boolean;
  readonly isOpen?: boolean;
}

interface FieldTreeProps {
  readonly type: ObjectType;
  readonly onChoose: (chosen: Chosen) => void;
}

function FieldTree({ type, onChoose }: FieldTreeProps) {
  const { types } = useEditing();
  const [text, setText] = useState('');
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState(0);
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const rows = text.trim() === '' ? treeRows(type, opened) : foundRows(text);
  const chosen = Math.min(at, rows.length - 1);
  useEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  function foundRows(searched: string): TreeRow[] {
    const segment: TreeRow[] = 'member of a segment'.includes(searched.trim().toLowerCase())
      ? [SEGMENT_ROW]
      : [];
    return [...segment, ...entriesFound(type, types, searched).map((entry) => rowOf(entry, 0))];
  }

  function treeRows(from: ObjectType, open: ReadonlySet<string>): TreeRow[] {
    const own = entriesBehind(from, types);
    const all = own.flatMap((entry) => rowsUnder(entry, 0, open));
    const known = lastChosen.get(from.name) ?? [];
    const recent = known.flatMap((path) => {
      const entry = entriesFound(from, types, '').find((each) => each.path === path);
      return entry ? [{ ...rowOf(entry, 0), key: `last ${path}`, note: 'used last' }] : [];
    });
    return [...recent, SEGMENT_ROW, ...all];
  }

  function rowsUnder(entry: FieldEntry, depth: number, open: ReadonlySet<string>): TreeRow[] {
    if (!entry.hop) return [{ ...rowOf(entry, depth), note: noteOf(entry) }];
    const isOpen = open.has(entry.path);
    const head = { ...rowOf(entry, depth), opens: true, isOpen };
    if (!isOpen) return [head];
    const whole: TreeRow = {
      ...rowOf(entry, depth + 1),
      key: `whole ${entry.path}`,
      title: entry.hop.many ? `How many ${entry.title}` : `Has ${entry.title}, or is in a segment`,
      note: '',
    };
    const inner = entriesBehind(type, types, entry);
    return [head, whole, ...inner.flatMap((each) => rowsUnder(each, depth + 1, open))];
  }

  const take = (row: TreeRow) => {
    if (row.opens && row.entry !== 'segment') toggle(row.entry.path);
    else onChoose(row.entry);
  };
  const toggle = (path: string) =>
    setOpened((before) => {
      const after = new Set(before);
      if (!after.delete(path)) after.add(path);
      return after;
    });
  const press = (event: KeyboardEvent) => {
    const row = rows[chosen];
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (by !== 0) setAt((chosen + by + rows.length) % Math.max(1, rows.length));
    else if (event.key === 'Enter' && row) take(row);
    else if (event.key === 'ArrowRight' && text === '' && row?.opens && !row.isOpen) take(row);
    else if (event.key === 'ArrowLeft' && text === '' && row?.isOpen) take(row);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div className="field-search">
        <Search className="icon" aria-hidden="true" />
        <input
          // biome-ignore lint/a11y/noAutofocus: who opens it wants to type
          autoFocus
          role="combobox"
          aria-label="Find a field"
          aria-expanded={rows.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={rows[chosen] ? `${id}-${chosen}` : undefined}
          autoComplete="off"
          placeholder="Find a field"
          value={text}
          onChange={({ target }) => {
            setText(target.value);
            setAt(0);
          }}
          onKeyDown={press}
        />
      </div>
      {rows.length === 0 ? <p className="field-none quiet">Nothing is called that.</p> : null}
      <div role="listbox" id={`${id}-list`} aria-label="Fields" className="field-list" ref={list}>
        {rows.map((row, index) => (
          <FieldRow
            key={row.key}
            row={row}
            id={`${id}-${index}`}
            isAt={index === chosen}
            onTake={() => take(row)}
          />
        ))}
      </div>
    </>
  );
}

interface FieldRowProps {
  readonly row: TreeRow;
  readonly id: string;
  readonly isAt: boolean;
  readonly onTake: () => void;
}

function FieldRow({ row, id, isAt, onTake }: FieldRowProps) {
  const { entry, title, note, depth, opens, isOpen } = row;
  const { Icon, hue } =
    entry === 'segment' ? { Icon: Filter, hue: 'hue-plum' } : lookOf(entry.owner);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the search field keeps the focus
    // biome-ignore lint/a11y/useKeyWithClickEvents: arrows and Enter are the search field's
    <div
      id={id}
      role="option"
      aria-selected={isAt}
      className={`field-row ${hue}`}
      style={{ '--depth': depth } as CSSProperties}
      onMouseDown={(event) => event.preventDefault()}
      onClick={onTake}
    >
      <Icon className="icon" aria-hidden="true" />
      <span className="field-title">{title}</span>
      <span className="quiet">{note}</span>
      {opens ? (
        <>
          <span className="unseen">{isOpen ? ', opened' : ', opens'}</span>
          {isOpen ? (
            <ChevronDown className="icon" aria-hidden="true" />
          ) : (
            <ChevronRight className="icon" aria-hidden="true" />
          )}
        </>
      ) : null}
    </div>
  );
}

const SEGMENT_ROW: TreeRow = {
  key: 'segment',
  entry: 'segment',
  title: 'Member of a segment',
  note: '',
  depth: 0,
};

function rowOf(entry: FieldEntry, depth: number): TreeRow {
  const note = entry.trail.length > 0 ? entry.trail.join(' › ') : noteOf(entry);
  return { key: entry.path, entry, title: entry.title, note, depth };
}

function noteOf({ attribute }: FieldEntry): string {
  return (attribute && NOTES[attribute.type]) ?? '';
}

const NOTES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  boolean: 'yes or no',
  date: 'day',
  datetime: 'day and time',
  list: 'list',
  object: 'object',
};
