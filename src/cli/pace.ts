import type { StreamFigures } from './follow';

export interface Pace {
  /** Rows per second over the last looks. */
  readonly rate: number;
  readonly byteRate: number;
  /** Seconds to go; null: nobody can tell. */
  readonly eta: number | null;
}

export const noPace: Pace = { rate: 0, byteRate: 0, eta: null };

type Look = { readonly at: number } & Pick<StreamFigures, 'read' | 'bytes'> & { readonly done: number };

/** Over a window of half a minute: shorter ones jump with every partition. */
const windowLength = 30_000;

export function createPacer(now: () => number = Date.now): (figures: StreamFigures) => Pace {
  const looks = new Map<string, readonly Look[]>();
  return (figures) => {
    const { stream, read, bytes, partitions } = figures;
    const look = { at: now(), read, bytes, done: partitions.done };
    const kept = [...(looks.get(stream) ?? []), look].filter(({ at }) => look.at - at <= windowLength);
    looks.set(stream, kept);
    const first = kept[0]!;
    const seconds = (look.at - first.at) / 1000;
    // Less than before: a partition is read again.
    const perSecond = (amount: (look: Look) => number): number => (seconds > 0 ? Math.max(0, amount(look) - amount(first)) / seconds : 0);
    const rate = perSecond((one) => one.read);
    return { rate, byteRate: perSecond((one) => one.bytes), eta: etaOf(figures, rate, perSecond((one) => one.done)) };
  };
}

/** By rows where the source can say how many there are, else by partitions. Of check and publish nobody can tell. */
function etaOf({ estimatedRows, read, partitions }: StreamFigures, rate: number, partRate: number): number | null {
  if (partitions.total > 0 && partitions.done >= partitions.total) return null;
  if (estimatedRows !== null && estimatedRows > read && rate > 0) return (estimatedRows - read) / rate;
  return partitions.total > 1 && partRate > 0 ? (partitions.total - partitions.done) / partRate : null;
}
