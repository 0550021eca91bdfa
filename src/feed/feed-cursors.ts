/**
 * feed-cursors.ts – Cursors of feeds: one position for each partition, as a short opaque text.
 *
 * Keeps true: a cursor that was made here is read back as it was. It carries a checksum under the
 * install id, so that what was altered, cut off or given out by another installation is refused
 * with `cursor_invalid`.
 */
import { createHmac } from 'node:crypto';
import { cursorInvalid } from '../cursor.ts';
import type { FeedPosition, FeedPositions } from './feed-position.ts';

const VERSION = 1;
const CHECKSUM_BYTES = 6;
/** A number has at most so many bytes of seven bits. */
const NUMBER_BYTES_MAX = 8;
/** Numbers of a partition: those below, and its header and its distance from the latest clock. */
const NUMBERS_MAX = 4;
/** What the header of a partition says beside the number of its commit. */
const HAS_TAKEN = 1;
const HAS_EPOCH = 2;
/** A header that no commit has. */
const OLDEST = HAS_TAKEN;

export class FeedCursors {
  readonly #install: string;
  readonly #partitions: number;
  readonly #draft: Buffer;

  constructor(install: string, partitions: number) {
    this.#install = install;
    this.#partitions = partitions;
    const bytesMax = 1 + NUMBER_BYTES_MAX * (1 + NUMBERS_MAX * partitions) + CHECKSUM_BYTES;
    this.#draft = Buffer.alloc(bytesMax);
  }

  pack(positions: FeedPositions): string {
    const latestMs = positions.reduce((ms, position) => Math.max(ms, position?.ms ?? 0), 0);
    const draft = this.#draft;
    let at = draft.writeUInt8(VERSION, 0);
    at = writeNumber(draft, at, latestMs);
    for (const position of positions) at = writePosition(draft, at, position, latestMs);
    at += this.#checksum(draft.subarray(0, at)).copy(draft, at);
    return draft.toString('base64url', 0, at);
  }

  /** @throws Problem cursor_invalid */
  read(text: string): FeedPositions {
    const positions = this.#read(Buffer.from(text, 'base64url'));
    if (!positions) throw cursorInvalid();
    return positions;
  }

  #read(bytes: Buffer): FeedPositions | undefined {
    const end = bytes.length - CHECKSUM_BYTES;
    if (end < 1 || bytes.length > this.#draft.length || bytes[0] !== VERSION) return undefined;
    if (!this.#checksum(bytes.subarray(0, end)).equals(bytes.subarray(end))) return undefined;
    const numbers = readNumbers(bytes.subarray(1, end));
    const latestMs = numbers.next();
    const positions: (FeedPosition | undefined)[] = [];
    while (positions.length < this.#partitions) positions.push(readPosition(numbers, latestMs));
    return numbers.isWhole() ? positions : undefined;
  }

  #checksum(payload: Buffer): Buffer {
    return createHmac('sha256', this.#install).update(payload).digest().subarray(0, CHECKSUM_BYTES);
  }
}

function writePosition(
  draft: Buffer,
  from: number,
  position: FeedPosition | undefined,
  latestMs: number,
): number {
  if (!position) return writeNumber(draft, from, OLDEST);
  const { ms, number, taken, epoch } = position;
  const flags = (taken > 0 ? HAS_TAKEN : 0) + (epoch > 0 ? HAS_EPOCH : 0);
  let at = writeNumber(draft, from, number * 4 + flags);
  at = writeNumber(draft, at, latestMs - ms);
  if (taken > 0) at = writeNumber(draft, at, taken);
  return epoch > 0 ? writeNumber(draft, at, epoch) : at;
}

function readPosition(numbers: PackedNumbers, latestMs: number): FeedPosition | undefined {
  const header = numbers.next();
  if (header === OLDEST) return undefined;
  return {
    number: Math.floor(header / 4),
    ms: latestMs - numbers.next(),
    taken: header % 2 === HAS_TAKEN ? numbers.next() : 0,
    epoch: header % 4 >= HAS_EPOCH ? numbers.next() : 0,
  };
}

// ── numbers: seven bits a byte, the lowest first; the last one has its high bit clear ──

function writeNumber(draft: Buffer, from: number, value: number): number {
  let [at, rest] = [from, value];
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) draft[at++] = (rest % 0x80) + 0x80;
  draft[at++] = rest;
  return at;
}

interface PackedNumbers {
  next(): number;
  /** Whether all were read, and none beyond them was asked for. */
  isWhole(): boolean;
}

function readNumbers(bytes: Buffer): PackedNumbers {
  let at = 0;
  return {
    next: () => {
      let [value, scale] = [0, 1];
      for (; (bytes[at] ?? 0) >= 0x80; scale *= 0x80) value += (bytes[at++]! - 0x80) * scale;
      return value + (bytes[at++] ?? 0) * scale;
    },
    isWhole: () => at === bytes.length,
  };
}
