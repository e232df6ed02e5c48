import { to as copyTo, type CopyToStreamQuery } from 'pg-copy-streams';

/** What the library keeps for itself (version pinned): how it takes apart what the server sends. */
interface Parsing {
  _state: number;
  _code: number;
  _unreadMessageContentLength: number;
  readonly _buffer: { readonly size: number } | null;
  _parse(chunk: Buffer): boolean;
}

const copyData = 0x64;
const betweenMessages = 0;
const insideMessage = 2;

/**
 * COPY's output. The server sends each row as a message of its own, and the library makes objects of each; where whole messages lie in a piece of the
 * network's bytes their contents are moved together in place instead, and the library sees the rest (5 million rows: 0.1 s of the processor for 0.8).
 */
export function copyOutStream(sql: string): CopyToStreamQuery {
  const stream = copyTo(sql);
  const library = stream as unknown as Parsing;
  const parse = library._parse.bind(stream);
  library._parse = (chunk) => {
    let rest = chunk;
    let drained = true;
    if (library._state === insideMessage && library._code === copyData && library._unreadMessageContentLength < rest.length) {
      const missing = library._unreadMessageContentLength;
      drained = parse(rest.subarray(0, missing));
      rest = rest.subarray(missing);
    }
    if (library._state === betweenMessages && library._buffer?.size === 0) {
      const { contents, taken } = contentsOf(rest);
      if (contents.length > 0) drained = stream.push(contents);
      rest = rest.subarray(taken);
    }
    return rest.length > 0 ? parse(rest) && drained : drained;
  };
  return stream;
}

/** Contents of the whole CopyData messages at the start, moved to where they lay. */
function contentsOf(bytes: Buffer): { readonly contents: Buffer; readonly taken: number } {
  let at = 0;
  let length = 0;
  while (at + 5 <= bytes.length && bytes[at] === copyData) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    bytes.copyWithin(length, at + 5, end);
    length += end - at - 5;
    at = end;
  }
  return { contents: bytes.subarray(0, length), taken: at };
}
