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
 * COPY's output. The server sends each row as a message of its own, and the library makes objects of each; here the contents of the messages in a piece of the
 * network's bytes are moved together in place, and the library sees the rest (5 million rows: 0.1 s of the processor for 0.8).
 */
export function copyOutStream(sql: string): CopyToStreamQuery {
  const stream = copyTo(sql);
  const library = stream as unknown as Parsing;
  const parse = library._parse.bind(stream);
  library._parse = (chunk) => {
    const inside = library._state === insideMessage && library._code === copyData;
    if (!inside && !(library._state === betweenMessages && library._buffer?.size === 0)) return parse(chunk);
    const { contents, unread, rest } = contentsOf(chunk, inside ? library._unreadMessageContentLength : 0);
    Object.assign(library, { _state: unread > 0 ? insideMessage : betweenMessages, _code: copyData, _unreadMessageContentLength: unread });
    const drained = contents.length === 0 || stream.push(contents);
    return rest.length > 0 ? parse(rest) && drained : drained;
  };
  return stream;
}

/**
 * Contents of the CopyData messages at the start, moved to where they lay; the first has `unread` bytes to go.
 * `unread`: of the last one, still to come; `rest`: from the first other message on, or the first bytes of a message whose length is not there yet.
 */
function contentsOf(bytes: Buffer, unread: number): { readonly contents: Buffer; readonly unread: number; readonly rest: Buffer } {
  let at = Math.min(unread, bytes.length);
  let length = at;
  let missing = unread - at;
  while (missing === 0 && at + 5 <= bytes.length && bytes[at] === copyData) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    const until = Math.min(end, bytes.length);
    bytes.copyWithin(length, at + 5, until);
    length += until - at - 5;
    missing = end - until;
    at = until;
  }
  return { contents: bytes.subarray(0, length), unread: missing, rest: bytes.subarray(at) };
}
