/**
 * type-look.ts – How an object type looks: an icon and a hue, the same on every page.
 *
 * Keeps true: names that people use for contacts, companies and orders look as one expects; any
 * other gets one of eight hues by its name, whatever other types there are.
 */
import {
  Box,
  Building2,
  FileText,
  type LucideIcon,
  Package,
  ShoppingCart,
  Users,
} from 'lucide-react';

export interface TypeLook {
  readonly Icon: LucideIcon;
  readonly hue: string;
}

const HUES = ['indigo', 'teal', 'amber', 'plum', 'green', 'blue', 'rust', 'slate'] as const;

const KNOWN: readonly (readonly [RegExp, LucideIcon, (typeof HUES)[number]])[] = [
  [/contact|person|people|user|customer|lead|member/i, Users, 'indigo'],
  [/organi[sz]ation|compan|account|store|shop/i, Building2, 'teal'],
  [/line|item/i, FileText, 'slate'],
  [/order|purchase|cart|sale/i, ShoppingCart, 'amber'],
  [/product|article|sku/i, Package, 'plum'],
];

export function lookOf(type: string): TypeLook {
  const known = KNOWN.find(([pattern]) => pattern.test(type));
  if (known) return { Icon: known[1], hue: `hue-${known[2]}` };
  let hash = 0;
  for (const character of type) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
  return { Icon: Box, hue: `hue-${HUES[hash % HUES.length]}` };
}
