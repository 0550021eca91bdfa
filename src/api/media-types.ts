/**
 * media-types.ts – The forms in which bodies come, by their Content-Type.
 */

/** `application/json`, and what builds on it, such as `application/merge-patch+json`. */
export const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i;
/** Lines of JSON. The media type has never been registered; these are its names in the field. */
export const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)(?:\s*;|$)/i;
export const CSV_TYPE = /^text\/csv(?:\s*;|$)/i;
