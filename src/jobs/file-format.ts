/**
 * file-format.ts – The forms of the files that imports read and exports write.
 */

/** `ndjson`: a record in each line, as JSON. `csv`: a header, then a record in each row. */
export const FILE_FORMATS = ['ndjson', 'csv'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];
