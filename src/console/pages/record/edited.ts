/**
 * edited.ts – What a form says of a record, as the patch that the server is sent.
 *
 * Keeps true: only what was changed is in the patch, and `null` for what was emptied, so that a
 * change of somebody else to another attribute is not undone. What can not be read is said of its
 * field, and nothing is sent.
 */
import type { AttributeShown } from '../../parts/values.tsx';

/** A field of the form: an attribute, or the key of a relationship. */
export interface EditedField {
  readonly name: string;
  readonly attribute: AttributeShown;
}

export type Drafts = Readonly<Record<string, string>>;

export interface Patch {
  readonly data: Readonly<Record<string, unknown>>;
  readonly faults: ReadonlyMap<string, string>;
}

/** No comma, no blank at the ends, and not the beginning of JSON. */
const PLAIN = /^[^\s,[][^,\n]*$(?<!\s)/;

/** A value as its field shows it. */
export function draftText(value: unknown, { type }: AttributeShown): string {
  if (value === undefined || value === null) return '';
  if (type === 'list' && Array.isArray(value))
    return isPlainList(value) ? value.join(', ') : JSON.stringify(value);
  return typeof value === 'object' ? JSON.stringify(value, null, 2) : String(value);
}

/** Whether it comes back from a text with commas: else it is shown as JSON. */
function isPlainList(list: readonly unknown[]): boolean {
  return list.length > 0 && list.every((each) => typeof each === 'string' && PLAIN.test(each));
}

export function patchOf(
  fields: readonly EditedField[],
  drafts: Drafts,
  data: Readonly<Record<string, unknown>>,
): Patch {
  const changed: Record<string, unknown> = {};
  const faults = new Map<string, string>();
  for (const { name, attribute } of fields) {
    const text = drafts[name];
    if (text === undefined || text === draftText(data[name], attribute)) continue;
    try {
      changed[name] = readDraftText(text, attribute);
    } catch (error) {
      faults.set(name, error instanceof Error ? error.message : String(error));
    }
  }
  return { data: changed, faults };
}

/** @throws Error in words */
function readDraftText(text: string, { type, of }: AttributeShown): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  switch (type) {
    case 'number':
      return readNumber(trimmed);
    case 'boolean':
      return trimmed === 'true';
    case 'list':
      return readList(trimmed, of);
    case 'object':
      return readJson(trimmed);
    case 'date':
    case 'datetime':
      return trimmed;
    default:
      return text;
  }
}

function readNumber(text: string): number {
  const number = Number(text);
  if (!Number.isFinite(number)) throw new Error('This is no number.');
  return number;
}

function readList(text: string, of: string | undefined): unknown {
  if (text.startsWith('[')) return readJson(text);
  const parts = text.split(',').map((each) => each.trim());
  if (of === 'number') return parts.map(readNumber);
  if (of === 'boolean') return parts.map((each) => each === 'true');
  return parts.filter((each) => each !== '');
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('This is no JSON.');
  }
}
