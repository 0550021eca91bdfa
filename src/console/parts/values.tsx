/**
 * values.tsx – Values of records by the declaration of their attribute: as money, a share, a link.
 *
 * Keeps true: a format that is not known changes nothing. What looks like an address becomes a link
 * only over http, https, mailto or tel, so that no stored text runs as a script.
 */
import './record-parts.css';
import type { ReactNode } from 'react';
import type { TypeShown } from '../server/answers.ts';
import { cellText } from './words.ts';

export type AttributeShown = TypeShown['attributes'][string];

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' });
const MONEY = /^(?:currency[: ]?)?([A-Za-z]{3})?$/;
const LINKS: Readonly<Record<string, (text: string) => string>> = {
  url: (text) => text,
  email: (text) => `mailto:${text}`,
  phone: (text) => `tel:${text.replace(/[^\d+]/g, '')}`,
};
const SAFE = /^(?:https?:\/\/|mailto:|tel:)/i;

/** In one line; '' where there is no value. */
export function valueText(value: unknown, attribute?: AttributeShown): string {
  const { type, format = '' } = attribute ?? {};
  if (typeof value === 'number') return numberAs(value, format);
  if (typeof value === 'string' && type === 'date') return dayText(value);
  if (typeof value === 'string' && type === 'string') return value;
  return cellText(value);
}

function numberAs(value: number, format: string): string {
  if (format === 'percent') return `${cellText(value)} %`;
  if (format === 'plain') return String(value);
  const currency = currencyOf(format);
  if (currency === undefined) return cellText(value);
  const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  if (currency === '') return value.toLocaleString('en', digits);
  try {
    return value.toLocaleString('en', { style: 'currency', currency });
  } catch {
    return cellText(value);
  }
}

/** '' of money without a currency; undefined: it is no money. */
function currencyOf(format: string): string | undefined {
  if (format === '' || format === 'url') return undefined;
  const [whole, code = ''] = MONEY.exec(format) ?? [];
  if (whole === undefined) return undefined;
  return format.toLowerCase() === 'currency' ? '' : code.toUpperCase();
}

/** "27 Nov 2026" of a day, which has no time zone. */
function dayText(day: string): string {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(ms) ? day : DATE.format(ms);
}

/** Where a value leads; undefined: nowhere. */
export function linkOf(value: unknown, attribute?: AttributeShown): string | undefined {
  const link = LINKS[attribute?.format ?? ''];
  if (!link || typeof value !== 'string' || value.trim() === '') return undefined;
  const to = link(value.trim());
  return SAFE.test(to) ? to : undefined;
}

/** A value of a record, with the link that it may be. */
export function Value({
  value,
  attribute,
}: {
  readonly value: unknown;
  readonly attribute?: AttributeShown | undefined;
}): ReactNode {
  const text = valueText(value, attribute);
  if (text === '') return <span className="quiet">No value</span>;
  const to = linkOf(value, attribute);
  if (to !== undefined)
    return (
      <a className="value-link" href={to} target="_blank" rel="noreferrer">
        {text}
      </a>
    );
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object'))
    return (
      <span className="value-list">
        {value.map((each, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a list may hold an element twice
          <span className="tag" key={at}>
            {cellText(each)}
          </span>
        ))}
      </span>
    );
  return text;
}
