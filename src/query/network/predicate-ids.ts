/**
 * predicate-ids.ts – The ids of the predicates that hold of one record, in blocks of bits.
 *
 * Keeps true: it is never edited. A flip makes one block anew and shares all others with the ids
 * that it came from, so its cost does not grow with the memberships of the record. No block is
 * empty, and none ends with an empty word: equal ids have equal content.
 */
import { assert } from '../../errors.ts';
import { entered, type Flip, flippedPredicateId } from './network.ts';

const BLOCK_BITS = 10;
const WORD_BITS = 5;
/**
 * Ids that one block may hold. 256 took three times the bytes in Redis and fifteen times as long to
 * load, since a field of a hash weighs more than what it holds (src/redis/README.md, Decisions).
 */
export const BLOCK_IDS_MAX = 1 << BLOCK_BITS;

/** Those of the ids from `number * BLOCK_IDS_MAX` on that hold. */
export interface Block {
  readonly number: number;
  /** Of 32 ids each, the lowest first, without empty ones at the end. */
  readonly words: readonly number[];
}

export class PredicateIds implements Iterable<number> {
  /** Ascending by number. */
  readonly blocks: readonly Block[];

  /** Caller: the blocks are ascending, and none is empty. */
  constructor(blocks: readonly Block[]) {
    this.blocks = blocks;
  }

  get size(): number {
    let size = 0;
    for (const block of this.blocks) size += idsIn(block).length;
    return size;
  }

  /** Ascending. */
  *[Symbol.iterator](): Iterator<number> {
    for (const block of this.blocks) yield* idsIn(block);
  }
}

export const NO_PREDICATE_IDS = new PredicateIds([]);

/** @throws Error (a bug) unless the ids are ascending */
export function predicateIds(ascending: readonly number[]): PredicateIds {
  const blocks: Block[] = [];
  let words: number[] = [];
  let previous = -1;
  for (const predicateId of ascending) {
    if (predicateId <= previous) assert(false, `${predicateId} comes after ${previous}`);
    const number = predicateId >>> BLOCK_BITS;
    if (previous < 0 || number !== previous >>> BLOCK_BITS)
      blocks.push({ number, words: (words = []) });
    toggle(words, predicateId);
    previous = predicateId;
  }
  return blocks.length === 0 ? NO_PREDICATE_IDS : new PredicateIds(blocks);
}

export function hasPredicateId(held: PredicateIds, predicateId: number): boolean {
  const block = blockAt(held.blocks, predicateId >>> BLOCK_BITS);
  return block !== undefined && isHeld(block.words, predicateId);
}

/**
 * Blocks mostly follow each other without a gap, since ids are given out in turn: then the place of
 * one follows from its number. Where predicates were given up it lies further to the front.
 */
function blockAt(blocks: readonly Block[], number: number): Block | undefined {
  if (blocks.length === 0) return undefined;
  const place = number - blocks[0]!.number;
  if (place < blocks.length && place >= 0 && blocks[place]!.number === number) return blocks[place];
  let low = 0;
  let high = Math.min(place, blocks.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (blocks[middle]!.number < number) low = middle + 1;
    else high = middle;
  }
  return blocks[low]?.number === number ? blocks[low] : undefined;
}

/**
 * The ids that hold after some flips. Caller: `flips` ascending, a predicate id at most once, each
 * one a real flip.
 */
export function applyFlips({ blocks: held }: PredicateIds, flips: readonly Flip[]): PredicateIds {
  const blocks: Block[] = [];
  let from = 0;
  for (let at = 0; at < flips.length; ) {
    const number = flippedPredicateId(flips[at]!) >>> BLOCK_BITS;
    while (from < held.length && held[from]!.number < number) blocks.push(held[from++]!);
    const words = held[from]?.number === number ? held[from++]!.words.slice() : [];
    for (; at < flips.length && flippedPredicateId(flips[at]!) >>> BLOCK_BITS === number; at++)
      flipIn(words, flips[at]!);
    addBlock(blocks, number, words);
  }
  while (from < held.length) blocks.push(held[from++]!);
  return blocks.length === 0 ? NO_PREDICATE_IDS : new PredicateIds(blocks);
}

function flipIn(words: number[], flip: Flip): void {
  const predicateId = flippedPredicateId(flip);
  if (entered(flip) === isHeld(words, predicateId))
    assert(false, `predicate id ${predicateId} is flipped to what it was`);
  toggle(words, predicateId);
}

/** Those of `held` that are among `kept`; `held` itself if all of them are. */
export function keptPredicateIds(held: PredicateIds, kept: PredicateIds): PredicateIds {
  let blocks: Block[] | undefined;
  for (let at = 0; at < held.blocks.length; at++) {
    const block = held.blocks[at]!;
    const { number, words } = block;
    const among = blockAt(kept.blocks, number)?.words ?? [];
    if (isWithin(words, among)) blocks?.push(block);
    else {
      blocks ??= held.blocks.slice(0, at);
      addBlock(
        blocks,
        number,
        words.map((word, nth) => word & (among[nth] ?? 0)),
      );
    }
  }
  if (blocks === undefined) return held;
  return blocks.length === 0 ? NO_PREDICATE_IDS : new PredicateIds(blocks);
}

function isWithin(words: readonly number[], among: readonly number[]): boolean {
  if (words.length > among.length) return false;
  for (let at = 0; at < words.length; at++) if ((words[at]! & ~among[at]!) !== 0) return false;
  return true;
}

/** The ids that a block holds, ascending. */
export function idsIn({ number, words }: Block): number[] {
  const ids: number[] = [];
  for (let at = 0; at < words.length; at++) {
    const first = (number << BLOCK_BITS) + (at << WORD_BITS);
    // Each turn takes the lowest bit.
    for (let rest = words[at]!; rest !== 0; rest &= rest - 1)
      ids.push(first + 31 - Math.clz32(rest & -rest));
  }
  return ids;
}

function addBlock(blocks: Block[], number: number, words: number[]): void {
  while (words.length > 0 && words.at(-1) === 0) words.pop();
  if (words.length > 0) blocks.push({ number, words });
}

function wordOf(predicateId: number): number {
  return (predicateId & (BLOCK_IDS_MAX - 1)) >>> WORD_BITS;
}

function isHeld(words: readonly number[], predicateId: number): boolean {
  const at = wordOf(predicateId);
  return at < words.length && ((words[at]! >>> (predicateId & 31)) & 1) === 1;
}

function toggle(words: number[], predicateId: number): void {
  const at = wordOf(predicateId);
  while (words.length <= at) words.push(0);
  words[at]! ^= 1 << (predicateId & 31);
}
