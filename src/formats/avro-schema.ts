import { dateText, instantText, clockText, decimalText } from './avro-times';
import type { AvroBytes } from './avro-bytes';

/** How a value of a schema is read: as JSON that loses nothing, numbers and times as text, NULL as null. */
export interface AvroType {
  /** DuckDB type of a column; nested values and those of several kinds are JSON text. */
  readonly type: string;
  readonly nullable: boolean;
  read(bytes: AvroBytes): unknown;
  /** Of records: their fields. */
  readonly fields?: readonly { readonly name: string; readonly value: AvroType }[];
}

type Schema = string | readonly Schema[] | { readonly [name: string]: unknown };

const damaged = (what: string): Error => new Error(what);
/** Schemas in schemas beyond this are made to do harm. */
const deepest = 64;

const of = (type: string, read: (bytes: AvroBytes) => unknown): AvroType => ({ type, nullable: false, read });

const primitives: Readonly<Record<string, AvroType>> = {
  null: { type: 'VARCHAR', nullable: true, read: () => null },
  boolean: of('BOOLEAN', (bytes) => String(bytes.byte() === 1)),
  int: of('INTEGER', (bytes) => String(bytes.long())),
  long: of('BIGINT', (bytes) => String(bytes.long())),
  float: of('FLOAT', (bytes) => String(Math.fround(bytes.float()))),
  double: of('DOUBLE', (bytes) => String(bytes.double())),
  bytes: of('VARCHAR', (bytes) => `\\x${bytes.bytes().toString('hex')}`),
  string: of('VARCHAR', (bytes) => bytes.text()),
};

/** Throws where the schema is none. */
export function avroType(schema: Schema, named: Map<string, AvroType> = new Map(), depth = 0): AvroType {
  if (depth > deepest) throw damaged(`its schema is nested more than ${deepest} deep`);
  if (typeof schema === 'string') return primitives[schema] ?? named.get(schema) ?? named.get(schema.split('.').at(-1)!) ?? unknownType(schema);
  if (Array.isArray(schema)) return union(schema.map((one: Schema) => avroType(one, named, depth + 1)));
  const { type, logicalType, name } = schema as { readonly [name: string]: unknown };
  if (typeof type === 'object' && type !== null) return avroType(type as Schema, named, depth + 1);
  const keep = (made: AvroType): AvroType => {
    if (typeof name === 'string') named.set(name, made);
    return made;
  };
  if (typeof logicalType === 'string') {
    const logical = logicalOf(logicalType, String(type), schema as Readonly<Record<string, unknown>>);
    if (logical) return keep(logical);
  }
  return compound(String(type), schema as Readonly<Record<string, unknown>>, named, depth, keep);
}

function unknownType(name: string): never {
  throw damaged(`its schema names a type "${name.slice(0, 60)}" that it does not define`);
}

function compound(type: string, schema: Readonly<Record<string, unknown>>, named: Map<string, AvroType>, depth: number, keep: (made: AvroType) => AvroType): AvroType {
  switch (type) {
    case 'record': case 'error': {
      const fields: { name: string; value: AvroType }[] = [];
      // Known before its fields are: it may hold itself.
      const made = keep({ type: 'VARCHAR', nullable: false, fields, read: (bytes) => bytes.nested(() => Object.fromEntries(fields.map((field) => [field.name, field.value.read(bytes)]))) });
      for (const field of listOf(schema['fields'])) fields.push({ name: String((field as { name: unknown }).name), value: avroType((field as { type: Schema }).type, named, depth + 1) });
      return made;
    }
    case 'enum': {
      const symbols = listOf(schema['symbols']).map(String);
      return keep(of('VARCHAR', (bytes) => symbols[bytes.count(symbols.length - 1)]));
    }
    case 'fixed': {
      const size = Number(schema['size']);
      return keep(of('VARCHAR', (bytes) => `\\x${bytes.fixed(size).toString('hex')}`));
    }
    case 'array': {
      const items = avroType(schema['items'] as Schema, named, depth + 1);
      return of('VARCHAR', (bytes) => bytes.nested(() => bytes.blocks(() => items.read(bytes))));
    }
    case 'map': {
      const values = avroType(schema['values'] as Schema, named, depth + 1);
      return of('VARCHAR', (bytes) => bytes.nested(() => Object.fromEntries(bytes.blocks(() => [bytes.text(), values.read(bytes)] as const))));
    }
    default: return primitives[type] ?? named.get(type) ?? unknownType(type);
  }
}

const listOf = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) throw damaged('its schema lacks a list of fields or symbols');
  return value;
};

function union(branches: readonly AvroType[]): AvroType {
  const others = branches.filter((branch) => branch !== primitives['null']);
  return { type: others.length === 1 ? others[0]!.type : 'VARCHAR', nullable: others.length < branches.length, read: (bytes) => branches[bytes.count(branches.length - 1)]!.read(bytes) };
}

function logicalOf(name: string, type: string, attributes: Readonly<Record<string, unknown>>): AvroType | null {
  switch (name) {
    case 'date': return of('DATE', (bytes) => dateText(bytes.long()));
    case 'time-millis': return of('TIME', (bytes) => clockText(bytes.long(), 1000n, 3));
    case 'time-micros': return of('TIME', (bytes) => clockText(bytes.long(), 1_000_000n, 6));
    case 'timestamp-millis': return of('TIMESTAMP WITH TIME ZONE', (bytes) => `${instantText(bytes.long(), 1000n, 3)}+00`);
    case 'timestamp-micros': return of('TIMESTAMP WITH TIME ZONE', (bytes) => `${instantText(bytes.long(), 1_000_000n, 6)}+00`);
    case 'local-timestamp-millis': return of('TIMESTAMP', (bytes) => instantText(bytes.long(), 1000n, 3));
    case 'local-timestamp-micros': return of('TIMESTAMP', (bytes) => instantText(bytes.long(), 1_000_000n, 6));
    case 'uuid': return type === 'string' ? of('UUID', (bytes) => bytes.text()) : null;
    case 'decimal': {
      const [precision, scale, size] = [Number(attributes['precision']), Number(attributes['scale'] ?? 0), Number(attributes['size'])];
      if (!(scale >= 0 && scale <= precision)) return null;
      return of(precision <= 38 ? `DECIMAL(${precision},${scale})` : 'VARCHAR', (bytes) => decimalText(type === 'fixed' ? bytes.fixed(size) : bytes.bytes(), scale));
    }
    default: return null;
  }
}
