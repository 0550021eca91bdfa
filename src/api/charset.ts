/**
 * charset.ts – Makes UTF-8 of bodies of text in another encoding, as they pass.
 *
 * Keeps true: the encoding that a body names is used or refused, never guessed. One chunk is held
 * at a time; a character that the end of a chunk cuts is whole afterwards.
 */
import { TextDecoder } from 'node:util';
import { Problem } from '../errors.ts';

const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]+))/i;

/** The labels of each encoding, as the WHATWG lists them: on the web latin1 means windows-1252. */
const LABELS = {
  'utf-8': ['utf-8', 'utf8', 'unicode-1-1-utf-8', 'us-ascii', 'ascii'],
  'windows-1252': [
    'windows-1252',
    'cp1252',
    'x-cp1252',
    'latin1',
    'l1',
    'iso-8859-1',
    'iso8859-1',
    'iso_8859-1',
  ],
  'utf-16': ['utf-16', 'utf16'],
  'utf-16le': ['utf-16le'],
  'utf-16be': ['utf-16be'],
} as const;
export type Charset = keyof typeof LABELS;

const CHARSETS = new Map<string, Charset>(
  Object.entries(LABELS).flatMap(([charset, labels]) =>
    labels.map((label) => [label, charset as Charset] as const),
  ),
);
const KNOWN = 'utf-8, latin1, windows-1252, utf-16, utf-16le or utf-16be';

/**
 * The charset of a Content-Type; UTF-8 if it names none. @throws Problem content_type_unsupported
 */
export function charsetOf(contentType: string | undefined): Charset {
  const [, quoted, plain] = CHARSET.exec(contentType ?? '') ?? [];
  const label = quoted ?? plain;
  if (label === undefined) return 'utf-8';
  const charset = CHARSETS.get(label.trim().toLowerCase());
  if (charset) return charset;
  throw new Problem(
    'content_type_unsupported',
    `the charset '${label}' is not read here; send ${KNOWN}, for example text/csv; charset=utf-8`,
  );
}

/** The same text as UTF-8. @throws Problem body_malformed for bytes that are not in the encoding */
export async function* inUtf8(
  chunks: AsyncIterable<Buffer>,
  charset: Charset,
): AsyncGenerator<Buffer> {
  switch (charset) {
    case 'utf-8':
      return yield* chunks;
    case 'windows-1252':
      for await (const chunk of chunks) yield Buffer.from(fromWindows1252(chunk), 'utf8');
      return;
    default:
      yield* fromUtf16(chunks, charset);
  }
}

/**
 * Where windows-1252 is not latin1: the characters of the bytes 80 to 9F. Node's decoder takes the
 * one for the other.
 */
const UPPER = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const C1 = /[\u0080-\u009f]/g;

function fromWindows1252(chunk: Buffer): string {
  return chunk
    .toString('latin1')
    .replace(C1, (character) => UPPER[character.charCodeAt(0) - 0x80]!);
}

async function* fromUtf16(
  chunks: AsyncIterable<Buffer>,
  charset: Exclude<Charset, 'utf-8' | 'windows-1252'>,
): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | undefined;
  let held: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of chunks) {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (held.length < 2) continue; // the byte order mark is two bytes
      decoder ??= new TextDecoder(byteOrder(charset, held), { fatal: true, ignoreBOM: true });
      yield Buffer.from(decoder.decode(held, { stream: true }), 'utf8');
      held = Buffer.alloc(0);
    }
    decoder ??= new TextDecoder('utf-16le', { fatal: true });
    yield Buffer.from(decoder.decode(held), 'utf8');
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Problem(
      'body_malformed',
      `the body is not ${charset}, which its charset says; nothing was imported`,
    );
  }
}

/** A mark decides; without one, as in the WHATWG's standard, the lower byte comes first. */
function byteOrder(
  charset: 'utf-16' | 'utf-16le' | 'utf-16be',
  beginning: Buffer,
): 'utf-16le' | 'utf-16be' {
  if (charset !== 'utf-16') return charset;
  return beginning[0] === 0xfe && beginning[1] === 0xff ? 'utf-16be' : 'utf-16le';
}
