/**
 * state-row.ts – The memory of the engine for a record, beside its values, as fields of two hashes.
 *
 * The head is a field of `state:<type>`: `due;numbers;block`, which are the next moment at which
 * the clock alone flips one of its predicates (empty: never), the numbers of its blocks with commas
 * between them, and the first of these blocks. Any further one is a field of `blocks:<type>`.
 * Readers get both as one text (lua/includes/read-state.lua), with commas between the blocks.
 *
 * Keeps true: a flip changes one field. An empty state is not stored, nor is an empty block, and an
 * absent head stands for an empty state, whatever blocks there are.
 */
import { assert } from '../../errors.ts';
import type { StateRow } from '../../membership/state-row.ts';
import { type Block, NO_PREDICATE_IDS, PredicateIds } from '../../query/network/predicate-ids.ts';
import { packBlock, unpackBlock } from './predicate-block.ts';

export const NO_STATE: StateRow = { truth: NO_PREDICATE_IDS, due: undefined };

/** What is written where one state takes the place of another. */
export interface StateChange {
  /** Undefined: it stays; null: it goes. */
  readonly head: string | null | undefined;
  /** By number, those beside the first; null: it goes. */
  readonly blocks: readonly (readonly [number: number, packed: string | null])[];
}

/** Caller: what is stored is `before`. Blocks that both share are not written again. */
export function stateChange(before: StateRow, after: StateRow): StateChange {
  return { head: headChange(before, after), blocks: blockChanges(before.truth, after.truth) };
}

function headChange(before: StateRow, after: StateRow): string | null | undefined {
  const [had, has] = [before.truth.blocks, after.truth.blocks];
  if (before.due === after.due && had[0] === has[0] && isSameNumbers(had, has)) return undefined;
  return packHead(after) ?? null;
}

function isSameNumbers(a: readonly Block[], b: readonly Block[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at]!.number !== b[at]!.number) return false;
  return true;
}

/** Blocks beside the first: those that are new or other ones, and those that are there no more. */
function blockChanges(
  { blocks: had }: PredicateIds,
  { blocks: has }: PredicateIds,
): [number: number, packed: string | null][] {
  const changes: [number, string | null][] = [];
  let from = 1;
  for (let at = 1; at < has.length; at++) {
    const block = has[at]!;
    while (from < had.length && had[from]!.number < block.number)
      changes.push([had[from++]!.number, null]);
    const was = had[from]?.number === block.number ? had[from++] : undefined;
    if (was !== block) changes.push([block.number, packBlock(block)]);
  }
  while (from < had.length) changes.push([had[from++]!.number, null]);
  return changes;
}

/** @returns undefined if there is nothing to store. */
function packHead({ truth: { blocks }, due }: StateRow): string | undefined {
  if (blocks.length === 0) return due === undefined ? undefined : `${due};;`;
  let numbers = `${blocks[0]!.number}`;
  for (let at = 1; at < blocks.length; at++) numbers += `,${blocks[at]!.number}`;
  return `${due ?? ''};${numbers};${packBlock(blocks[0]!)}`;
}

/** The field of a block beside the first. */
export function blockField(number: number | string, id: string): string {
  return `${number}:${id}`;
}

export function readBlockField(field: string): { readonly number: string; readonly id: string } {
  const colon = field.indexOf(':');
  return { number: field.slice(0, colon), id: field.slice(colon + 1) };
}

/** A state as a reader gets it: its head, and its further blocks by number; '': it is not there. */
export interface StateParts {
  readonly head: string;
  readonly blocks: readonly (readonly [number: string, packed: string])[];
}

/** Of one that may hold anything: a head that is none has no blocks. */
export function statePartsOf(text: string): StateParts {
  const [, head = text, list, more] = /^(\d*;\d+((?:,\d+)*);[^,]*)((?:,[^,]*)*)$/.exec(text) ?? [];
  if (!list) return { head, blocks: [] };
  const packed = (more ?? '').split(',').slice(1);
  const numbers = list.split(',').slice(1);
  return { head, blocks: numbers.map((number, at) => [number, packed[at] ?? ''] as const) };
}

/** @throws Error if something else was written there. */
export function unpackState(text: string | null | undefined): StateRow {
  if (!text) return NO_STATE;
  const due = text.indexOf(';');
  const numbers = text.indexOf(';', due + 1);
  // The packed blocks may hold the sign too: the first two are those that count.
  assert(due >= 0 && numbers >= 0, `a state row has three parts, this is '${text.slice(0, 20)}'`);
  return {
    truth: unpackTruth(text.slice(due + 1, numbers), text.slice(numbers + 1)),
    due: due === 0 ? undefined : Number(text.slice(0, due)),
  };
}

function unpackTruth(numbers: string, packed: string): PredicateIds {
  if (numbers === '' && packed === '') return NO_PREDICATE_IDS;
  const [listed, parts] = [numbers.split(','), packed.split(',')];
  assert(listed.length === parts.length, 'a state row has as many blocks as it names');
  let previous = -1;
  const blocks = listed.map((text, at) => {
    const number = Number(text);
    const isNext = number > previous && `${number}` === text;
    assert(isNext, `a state row names the block '${text}' after ${previous}`);
    previous = number;
    return unpackBlock(number, parts[at]!);
  });
  return new PredicateIds(blocks);
}
