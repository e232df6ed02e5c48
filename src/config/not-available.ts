/** Words that Millrace will know and does not yet: refused by name, with what to do meanwhile. */
export const pipelineWordsToCome: Readonly<Record<string, string>> = {
  notify: 'use the exit code or --json of "millrace run"',
};

export const streamWordsToCome: Readonly<Record<string, string>> = {
  engine: 'steps run in Millrace\'s own DuckDB',
  exclude: 'name each stream',
};

/** Values of words that exist: `mode: cdc`. */
export const valuesToCome: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mode: { cdc: 'use "mode: incremental" with a cursor' },
};

export const stepsToCome: readonly string[] = [];
/** No extension of DuckDB and no kept package for Node reads it. */
export const formatsToCome: Readonly<Record<string, string>> = { orc: 'have its writer give Parquet, which whatever writes ORC can' };
export const checksToCome: readonly string[] = [];

export const notAvailable = (word: string, instead: string): string => `"${word}" is not available yet; ${instead}`;
