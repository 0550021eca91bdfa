/**
 * text-form.ts – Turns numbers, dates and truth values as a file of text writes them into our own
 * form.
 *
 * Keeps true: nothing is guessed. Text in the declared form of the file becomes the form of RFC
 * 3339 or JSON, digit for digit. Anything else is undefined, and the caller refuses it. RFC 3339
 * itself always reads.
 */

type DateOrder = 'dmy' | 'mdy' | 'ymd';

/** A date such as `31.12.2026`. */
export interface DateForm {
  readonly order: DateOrder;
  readonly separator: '.' | '/' | '-';
}

/** The declared form of a file; what is left out is as in JSON and RFC 3339. */
export interface TextForm {
  readonly decimal?: '.' | ',';
  readonly dates?: DateForm;
  /** In lower case, beside `true` and `false`. */
  readonly trueWords?: readonly string[];
  readonly falseWords?: readonly string[];
}

const PATTERNS: readonly (readonly [pattern: string, form: DateForm])[] = (
  ['.', '/', '-'] as const
).flatMap((separator) => [
  [`dd${separator}mm${separator}yyyy`, { order: 'dmy', separator }],
  [`mm${separator}dd${separator}yyyy`, { order: 'mdy', separator }],
  [`yyyy${separator}mm${separator}dd`, { order: 'ymd', separator }],
]);
/** A pattern may announce that times follow: they are read whether it does or not. */
const PATTERN_TIME = /[ t]hh:mm(?::ss)?$/;

/** The form that a pattern such as `dd.mm.yyyy` names. */
export function dateFormOf(pattern: string): DateForm | undefined {
  const day = pattern.trim().toLowerCase().replace(PATTERN_TIME, '');
  return PATTERNS.find(([known]) => known === day)?.[1];
}

/** Such a date as the file's pattern shows it. */
export function patternOf({ order, separator }: DateForm): string {
  return PATTERNS.find(([, form]) => form.order === order && form.separator === separator)![0];
}

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?([eE][+-]?\d+)?$/;
/**
 * Points between thousands are only beyond doubt beside a decimal comma, or where there are
 * several.
 */
const GROUPED = /^[+-]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})$/;

/**
 * A number as JSON writes it: `.097`, `+5` and `5.` are what spreadsheets and databases write too.
 */
export function readNumberText(text: string, { decimal = '.' }: TextForm): string | undefined {
  const pointed = decimal === '.' ? text : pointedText(text);
  const [, sign, whole = '', fraction = '', exponent = ''] = NUMBER.exec(pointed ?? '') ?? [];
  if (sign === undefined || whole + fraction === '') return undefined;
  const rest = fraction === '' ? '' : `.${fraction}`;
  return `${sign === '-' ? '-' : ''}${whole || '0'}${rest}${exponent}`;
}

/** The decimal comma as a point. A single point could be either, and is refused. */
function pointedText(text: string): string | undefined {
  if (GROUPED.test(text)) return text.replaceAll('.', '').replace(',', '.');
  return text.includes('.') ? undefined : text.replace(',', '.');
}

const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?(?:\s*([ap])\.?m\.?)?(Z|[+-]\d{2}:\d{2})?$/i;

/** A date, with a time or without, as RFC 3339 writes it. */
export function readDateText(text: string, { dates }: TextForm): string | undefined {
  if (!dates) return text;
  const [, first = '', second = '', third = '', time] = shapeOf(dates).exec(text) ?? [];
  if (first === '') return ISO.test(text) ? text : undefined;
  const [year, month, day] =
    dates.order === 'ymd'
      ? [first, second, third]
      : dates.order === 'dmy'
        ? [third, second, first]
        : [third, first, second];
  const date = `${year}-${month!.padStart(2, '0')}-${day!.padStart(2, '0')}`;
  if (time === undefined) return date;
  const read = readTimeText(time);
  return read === undefined ? undefined : `${date}T${read}`;
}

const ISO = /^\d{4}-\d{2}-\d{2}(?:$|[Tt ])/;

function shapeOf({ order, separator }: DateForm): RegExp {
  const [year, part, between] = ['(\\d{4})', '(\\d{1,2})', `\\${separator}`];
  const parts = order === 'ymd' ? [year, part, part] : [part, part, year];
  return new RegExp(`^${parts.join(between)}(?:(?:[Tt]|,?\\s+)(.+))?$`);
}

function readTimeText(text: string): string | undefined {
  const [, hour, minute, second = '00', fraction = '', half, offset = ''] = TIME.exec(text) ?? [];
  if (hour === undefined) return undefined;
  if (half !== undefined && (Number(hour) < 1 || Number(hour) > 12)) return undefined;
  const ofDay =
    half === undefined ? Number(hour) : (Number(hour) % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  return `${String(ofDay).padStart(2, '0')}:${minute}:${second}${fraction}${offset}`;
}

/** `true` or `false` in any letters, or one of the file's words for them. */
export function readBooleanText(
  text: string,
  { trueWords = [], falseWords = [] }: TextForm,
): boolean | undefined {
  const word = text.toLowerCase();
  if (word === 'true' || trueWords.includes(word)) return true;
  return word === 'false' || falseWords.includes(word) ? false : undefined;
}
