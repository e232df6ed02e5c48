import { quoteLiteral } from '../transforms/quote';

export const matchesWhole = (text: string, pattern: string): string => `regexp_full_match(${text}, ${quoteLiteral(pattern)})`;
/** Records beyond this are quarantined: a reader must hold one record in memory at least. */
export const longestRecord = 16 * 1024 * 1024;
/** Two records must fit into DuckDB's read buffer. */
export const readBuffer = `max_line_size = ${longestRecord}, buffer_size = ${2 * longestRecord}`;
/** A text that is no value of any file: for options that need one. */
export const never = '\u0002millrace\u0002';
