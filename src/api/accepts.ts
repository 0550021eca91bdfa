/**
 * accepts.ts – Which form of an answer a client prefers, by its Accept header (RFC 9110, 12.5.1).
 *
 * Keeps true: the form with the highest weight is taken, the first of several with that weight. A
 * form that `q=0` refuses is never taken. Without a header the first form is.
 */

/** @returns undefined if none of the forms is accepted. */
export function preferredForm<Form extends string>(
  accept: string | undefined,
  forms: readonly Form[],
): Form | undefined {
  const ranges = (accept ?? '').split(',').flatMap((range) => readRange(range) ?? []);
  if (ranges.length === 0) return forms[0];
  let best: { readonly form: Form; readonly weight: number } | undefined;
  for (const form of forms) {
    const weight = weightOf(form, ranges);
    if (weight > (best?.weight ?? 0)) best = { form, weight };
  }
  return best?.form;
}

interface MediaRange {
  readonly type: string;
  readonly weight: number;
}

function readRange(text: string): MediaRange | undefined {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  if (type === '') return undefined;
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  const given = weight === undefined ? 1 : Number(weight);
  return { type, weight: given >= 0 && given <= 1 ? given : 0 };
}

/** The most specific range that covers the form decides. */
function weightOf(form: string, ranges: readonly MediaRange[]): number {
  for (const covering of [form, `${form.split('/')[0]}/*`, '*/*']) {
    const range = ranges.find(({ type }) => type === covering);
    if (range) return range.weight;
  }
  return 0;
}
