const bytes: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** `500 MB`, `1.5GiB` → whole bytes; null: not a size. */
export function sizeOf(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?) ?(|[KMGT]|[KMGT]i)B$/.exec(text.trim());
  return found ? Math.round(Number(found[1]) * bytes[found[2]!]!) : null;
}
