import { open } from 'node:fs/promises';
import type { Control } from '../../domain/control';
import type { MysqlConnection } from './connection';

const quote = Buffer.from('"');
const comma = Buffer.from(',');
const feed = Buffer.from('\n');
const nullMark = Buffer.from('\\N');
const flushed = 1 << 20;

/** Writes rows as a database's COPY prints them, one megabyte in memory at a time; returns how many there were. */
export async function landRows(connection: MysqlConnection, sql: string, to: string, control: Control): Promise<number> {
  const file = await open(to, 'w');
  let [rows, bytes, size] = [0, 0, 0];
  let parts: Buffer[] = [];
  const flush = async () => {
    await file.writeFile(Buffer.concat(parts));
    bytes += size;
    [parts, size] = [[], 0];
    control.progress({ rows, bytes });
  };
  const stop = () => connection.destroy();
  control.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const row of connection.stream(sql)) {
      row.forEach((value, index) => {
        const text = value === null ? nullMark : quoted(value);
        parts.push(index === 0 ? text : comma, ...(index === 0 ? [] : [text]));
        size += text.length + 1;
      });
      parts.push(feed);
      rows += 1;
      if (size > flushed) await flush();
      control.signal.throwIfAborted();
    }
    await flush();
    return rows;
  } catch (error) {
    if (control.signal.aborted) throw control.signal.reason;
    throw error;
  } finally {
    control.signal.removeEventListener('abort', stop);
    await file.close();
  }
}

function quoted(value: Buffer): Buffer {
  if (!value.includes(0x22)) return Buffer.concat([quote, value, quote]);
  return Buffer.from(`"${value.toString('latin1').replaceAll('"', '""')}"`, 'latin1');
}
