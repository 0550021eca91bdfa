/**
 * record-title.ts – What a record is called where a person reads of it.
 *
 * Keeps true: there is always a title, and it is short: that of the type's title attribute, else
 * of an attribute that usually names records, else the id.
 */
import type { ObjectType } from './object-type.ts';
import type { RecordData } from './record.ts';

const USUAL = ['name', 'title', 'email'];
const CHARACTERS_MAX = 200;

/** The attributes that may name a record of the type; the first that has a value does. */
function titleAttributes({ attributes, caption }: ObjectType): string[] {
  const usual = USUAL.filter((name) => attributes.get(name)?.type === 'string');
  const own = caption?.title_attribute;
  return own === undefined ? usual : [own, ...usual.filter((name) => name !== own)];
}

/** The title of a record with these values. */
export function recordTitle(type: ObjectType, id: string, data: RecordData): string {
  for (const name of titleAttributes(type)) {
    const value = data[name];
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value === 'string' && value.trim() !== '') return shortened(value);
  }
  return id;
}

function shortened(text: string): string {
  const characters = text.slice(0, CHARACTERS_MAX);
  return characters.isWellFormed() ? characters : characters.slice(0, -1).toWellFormed();
}
