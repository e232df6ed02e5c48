export default async function globalTeardown(): Promise<void> {
  await (globalThis as { millraceStops?: () => Promise<void> }).millraceStops?.();
}
