import type { Column } from '../../domain/column';

/** A field as `describe` tells it. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly nillable: boolean;
  readonly precision: number;
  readonly scale: number;
  /** A formula. */
  readonly calculated?: boolean;
}

/** Their parts are fields of their own; files belong elsewhere. */
const leftOut: Readonly<Record<string, string>> = { address: 'its parts are fields of their own', location: 'its latitude and longitude are fields of their own', base64: 'file contents are not read' };

export const columnsOf = (fields: readonly Field[]): readonly Column[] =>
  fields.filter(({ type }) => !Object.hasOwn(leftOut, type)).map((field) => ({ name: field.name, type: typeOf(field), nullable: field.nillable }));

/** What a person should know of the fields. @param earlier columns of the run before. */
export function notesOn(fields: readonly Field[], earlier: readonly Column[], incremental: boolean): readonly string[] {
  const formulas = fields.filter(({ calculated }) => calculated).map(({ name }) => `"${name}"`);
  const gone = earlier.filter(({ name }) => !fields.some((field) => field.name === name));
  return [
    ...gone.map(({ name }) => `"${name}" has gone since the run before (deleted or renamed in Salesforce, or the user may no longer see it): it gets no more values; put it back or grant it, if that was not meant`),
    ...fields.filter(({ type }) => Object.hasOwn(leftOut, type)).map(({ name, type }) => `"${name}" (${type}) is left out: ${leftOut[type]}`),
    ...(incremental && formulas.length > 0 ? [`changes of formula fields alone are not seen by an incremental reading: ${formulas.slice(0, 10).join(', ')}${formulas.length > 10 ? ' …' : ''}`] : []),
  ];
}

/** Fields of a plan that the object does not have any more. */
export const missingIn = (planned: readonly Column[], fields: readonly Field[]): readonly string[] =>
  planned.map(({ name }) => name).filter((name) => !fields.some((field) => field.name === name));

function typeOf({ type, precision, scale }: Field): string {
  switch (type) {
    case 'boolean': return 'BOOLEAN';
    case 'int': case 'long': return 'BIGINT';
    case 'double': case 'currency': case 'percent': return precision > 0 && precision <= 38 ? `DECIMAL(${precision},${scale})` : 'DOUBLE';
    case 'date': return 'DATE';
    case 'datetime': return 'TIMESTAMP WITH TIME ZONE';
    default: return 'VARCHAR';
  }
}
