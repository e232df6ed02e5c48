import type { Column } from '../../domain/column';

/** A field as `describe` tells it. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly nillable: boolean;
  readonly precision: number;
  readonly scale: number;
}

/** Their parts are fields of their own; files belong elsewhere. */
const leftOut: Readonly<Record<string, string>> = { address: 'its parts are fields of their own', location: 'its latitude and longitude are fields of their own', base64: 'file contents are not read' };

export const columnsOf = (fields: readonly Field[]): readonly Column[] =>
  fields.filter(({ type }) => !Object.hasOwn(leftOut, type)).map((field) => ({ name: field.name, type: typeOf(field), nullable: field.nillable }));

export const notesOn = (fields: readonly Field[]): readonly string[] =>
  fields.filter(({ type }) => Object.hasOwn(leftOut, type)).map(({ name, type }) => `"${name}" (${type}) is left out: ${leftOut[type]}`);

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
