import type { JsonObject } from '../domain/json';

/** What a program knows before the first row. */
export interface ProgramSetup {
  readonly settings: JsonObject;
  readonly secrets: Readonly<Record<string, string>>;
  /** Absolute path of the user's file; null: there is none. */
  readonly file: string | null;
}

/** One row: inputs by name, text or null (BLOB as base64) or parsed JSON. Gives outputs by name. Throws Misfit where it cannot. */
export type RowFunction = (values: Record<string, unknown>) => unknown;

/** This row cannot be worked on; follows the column's name: `is not gzip`. No row value in it. */
export class Misfit extends Error {}

/** No row can be: the message is for the person who wrote the pipeline. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}
