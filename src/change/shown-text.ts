/**
 * shown-text.ts – Texts that people give to be shown: titles, labels, descriptions.
 *
 * Keeps true: what is kept can be shown, printed and sent on as it is. A line holds no control
 * characters, several lines hold none but tabs and line ends; both are well-formed Unicode, for
 * half a character is lost on its way through UTF-8.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a text must not hold
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
const LINE_CHARACTER = /[\t\n\r]/g;

/** What is wrong with a text; undefined: nothing. `lines`: how many it may have. */
export function shownTextFault(text: string, lines: 'one' | 'many'): string | undefined {
  if (!text.isWellFormed()) return 'holds half a character';
  const rest = lines === 'many' ? text.replace(LINE_CHARACTER, '') : text;
  return CONTROL_CHARACTER.test(rest) ? 'holds a control character' : undefined;
}
