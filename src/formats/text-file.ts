import { open } from 'node:fs/promises';

/** Writes text in large pieces. `value` quotes as `scratchOptions` in records.ts reads it. */
export async function openTextFile(path: string): Promise<{ write(text: string): Promise<void>; close(): Promise<void> }> {
  const handle = await open(path, 'w');
  let pending: string[] = [];
  let length = 0;
  async function flush(): Promise<void> {
    await handle.writeFile(pending.join(''));
    pending = [];
    length = 0;
  }
  return {
    async write(text) {
      pending.push(text);
      length += text.length;
      if (length > 1 << 20) await flush();
    },
    async close() {
      try {
        await flush();
      } finally {
        await handle.close();
      }
    },
  };
}

export const csvLine = (values: readonly (string | number | null)[]): string => `${values.map(csvValue).join(',')}\n`;
const csvValue = (value: string | number | null): string =>
  value === null ? '\\N' : typeof value === 'number' ? String(value) : `"${value.replaceAll('"', '""')}"`;
