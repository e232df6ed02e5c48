import { quoteLiteral } from './quote';

/**
 * Texts that an expression leaves behind for the few rows it is asked for while a query reads all rows: DuckDB's own log, in memory, is the one place for
 * them. Bounded, since they stay until nobody uses the log: whoever finds fewer texts than rows asks the rows again.
 */
export const mostAsides = 5000;
const longest = 4096;
const mostAtATime = 8;

/** At this level nothing else is logged: statements may hold what is no concern of a log. */
export const openAsides = "CALL enable_logging(level = 'fatal', storage = 'memory')";
export const clearAsides = 'CALL truncate_duckdb_logs()';

/** BOOLEAN, always false; `name` is nobody else's. */
export const asideSql = (name: string, text: string): string =>
  `CASE WHEN length(${text}) <= ${longest} THEN write_log(${text}, level := 'fatal', log_type := ${quoteLiteral(name)}, return_value := false) ELSE false END`;

/** FROM clause: `message` VARCHAR, in no order. */
export const asidesOf = (name: string): string => `(SELECT message FROM duckdb_logs WHERE type = ${quoteLiteral(name)})`;

/** Who uses the log of one database. */
export interface AsideUsers {
  /** False: there is no room now. */
  enter(): boolean;
  /** Whether the log is to be cleared now; nobody enters before `cleared`. */
  leave(): boolean;
  cleared(): void;
}

export function createAsideUsers(): AsideUsers {
  let inside = 0;
  let sinceCleared = 0;
  let clearing = false;
  return {
    enter() {
      if (clearing || sinceCleared >= mostAtATime) return false;
      inside += 1;
      sinceCleared += 1;
      return true;
    },
    leave() {
      inside -= 1;
      clearing = inside === 0;
      return clearing;
    },
    cleared() {
      clearing = false;
      sinceCleared = 0;
    },
  };
}
