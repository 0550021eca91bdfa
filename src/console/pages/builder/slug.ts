/**
 * slug.ts – The slug that a title suggests.
 */
const LENGTH_MAX = 60;

/** "Größte Kunden (EU)" as "grosste-kunden-eu"; '' if nothing of it fits. */
export function slugOf(title: string): string {
  const plain = title.normalize('NFKD').replace(/\p{M}/gu, '').replaceAll('ß', 'ss').toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return words.slice(0, LENGTH_MAX).replace(/-+$/, '');
}
