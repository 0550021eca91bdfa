/**
 * new-id.ts – Ids by chance, on pages that were not loaded over https too: there
 * `crypto.randomUUID` is missing.
 */
const BYTES = 16;

/** 128 bits, as 32 hexadecimal digits. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
