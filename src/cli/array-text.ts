/**
 * array-text.ts – The elements of a JSON array as they are written.
 *
 * Keeps true: no element is parsed and rewritten, so that numbers go on with all of their digits,
 * for the server to judge.
 */

/** Strings, and the signs of structure outside of them. */
const TOKEN = /"(?:[^"\\]+|\\.)*"|[[\]{},]/g;
/** Line ends can't stand in strings: they are blanks. */
const LINE_END = /[\r\n]+\s*/g;

/** Each on one line. Caller: the text is a JSON array, and valid. */
export function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let [depth, start] = [0, text.indexOf('[') + 1];
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '[' || token === '{') depth++;
    if (token === ']' || token === '}') depth--;
    if (!(token === ',' && depth === 1) && !(token === ']' && depth === 0)) continue;
    const element = text.slice(start, index).replaceAll(LINE_END, ' ').trim();
    if (element !== '') elements.push(element);
    start = index + 1;
  }
  return elements;
}
