/** Items in all lists of one block: beyond this a damaged count would fill the memory, since items may take no bytes at all. */
const mostItems = 50_000_000;
const deepest = 200;

export interface AvroBytes {
  readonly at: number;
  byte(): number;
  long(): bigint;
  /** A number from 0 to `most`. */
  count(most: number): number;
  float(): number;
  double(): number;
  bytes(): Buffer;
  fixed(size: number): Buffer;
  text(): string;
  blocks<Item>(read: () => Item): Item[];
  nested<Result>(read: () => Result): Result;
}

/** Avro's binary encoding, each step inside its bounds: what is damaged throws, and nothing is read or made without end. */
export function avroBytes(buffer: Buffer): AvroBytes {
  let at = 0;
  let items = 0;
  let depth = 0;
  const take = (size: number): Buffer => {
    if (!(size >= 0) || at + size > buffer.length) throw new Error('it is damaged: a value goes beyond its block');
    at += size;
    return buffer.subarray(at - size, at);
  };
  const long = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = take(1)[0]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new Error('it is damaged: a number has no end');
  };
  const count = (most: number): number => {
    const value = long();
    if (value < 0n || value > BigInt(most)) throw new Error('it is damaged: a count or length is out of its bounds');
    return Number(value);
  };
  const bytes = (): Buffer => take(count(buffer.length - at));
  return {
    get at() { return at; },
    byte: () => take(1)[0]!, long, count, bytes, fixed: take,
    float: () => take(4).readFloatLE(), double: () => take(8).readDoubleLE(),
    text: () => bytes().toString('utf8'),
    blocks(read) {
      const found: ReturnType<typeof read>[] = [];
      for (;;) {
        let size = long();
        if (size === 0n) return found;
        // A negative count is followed by the block's length in bytes.
        if (size < 0n) { size = -size; long(); }
        items += Number(size);
        if (items > mostItems) throw new Error('it is damaged, or a list in it has too many items');
        for (let item = 0n; item < size; item += 1n) found.push(read());
      }
    },
    nested(read) {
      depth += 1;
      if (depth > deepest) throw new Error(`its values are nested more than ${deepest} deep`);
      const result = read();
      depth -= 1;
      return result;
    },
  };
}
