/**
 * table.ts – Columns of text that line up.
 */

export type Alignment = 'left' | 'right';

/** One line per row; the last column of the left kind is not padded. */
export function table(
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
): string[] {
  const widths = alignments.map((_, column) =>
    Math.max(0, ...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        alignments[column] === 'right'
          ? cell.padStart(widths[column]!)
          : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** 12345 as 12,345, whatever the machine's language: outputs are compared and quoted. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
