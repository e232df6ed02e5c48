import * as avsc from 'avsc';
import { openBench, type Bench } from '../support/files';

let bench: Bench;
beforeAll(async () => { bench = await openBench(); });
afterAll(() => bench.close());

const long = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(), toBuffer: (value: bigint) => { const buffer = Buffer.alloc(8); buffer.writeBigInt64LE(value); return buffer; },
  fromJSON: BigInt as never, toJSON: String, isValid: (value: unknown) => typeof value === 'bigint', compare: () => 0,
});
const schema = {
  type: 'record', name: 'Row', fields: [
    { name: 'big', type: 'long' }, { name: 'name', type: ['null', 'string'] }, { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } }, { name: 'day', type: { type: 'int', logicalType: 'date' } },
    { name: 'tags', type: { type: 'array', items: 'string' } }, { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['A', 'B'] } },
  ],
};

async function written(codec: string): Promise<Buffer> {
  const type = avsc.Type.forSchema(schema as never, { registry: { long }, wrapUnions: true } as never);
  const syncMarker = Buffer.alloc(16, 7);
  const encoder = new avsc.streams.BlockEncoder(type, { codec, blockSize: 200, writeHeader: 'never', syncMarker } as never);
  const meta = [['avro.codec', codec], ['avro.schema', JSON.stringify(schema)]].flat().map((text) => avsc.Type.forSchema('string').toBuffer(text));
  const parts: Buffer[] = [Buffer.from('Obj\x01\x04', 'latin1'), ...meta, Buffer.from([0]), syncMarker];
  encoder.on('data', (part: Buffer) => parts.push(part));
  for (let id = 0; id < 50; id += 1) encoder.write({ big: 9223372036854775807n - BigInt(id), name: id % 2 ? { string: `n${id}` } : null, price: Buffer.from([0xff, 0x85]), at: -1, day: -1, tags: ['x', 'y'], kind: 'B' });
  encoder.end();
  await new Promise((resolve) => { encoder.once('end', resolve); });
  return Buffer.concat(parts);
}

test.each(['null', 'deflate'])('values of every kind by the schema of the file, codec %s', async (codec) => {
  bench.put(`${codec}.avro`, await written(codec));
  const found = await bench.read(`${codec}.avro`);
  expect(found.plan.columns.map(({ name, type }) => `${name} ${type}`)).toEqual(['big BIGINT', 'name VARCHAR', 'price DECIMAL(10,2)', 'at TIMESTAMP WITH TIME ZONE', 'day DATE', 'tags VARCHAR', 'kind VARCHAR']);
  expect(found.rows).toHaveLength(50);
  expect(found.rows[0]).toEqual({ big: '9223372036854775807', name: null, price: '-1.23', at: '1969-12-31 23:59:59.999999+00', day: '1969-12-31', tags: '["x","y"]', kind: 'B' });
});

test('a file that was cut or changed anywhere is refused or read, and never goes on without end', async () => {
  const whole = await written('null');
  for (let round = 0; round < 60; round += 1) {
    const bytes = Buffer.from(whole);
    bytes[(round * 7919) % bytes.length]! ^= 0xff;
    bench.put('changed.avro', round % 3 === 0 ? bytes.subarray(0, (round * 104_729) % bytes.length) : bytes);
    const outcome = await bench.read('changed.avro').then((found) => found.rows.length + found.rejects.length === found.count, (error: Error) => /reading an Avro file/.test(error.message) || error.message);
    expect(outcome).toBe(true);
  }
});
