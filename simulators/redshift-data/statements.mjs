// Statements, their states and who waits for them.
import { randomUUID } from 'node:crypto';
import { runStatement, messageOf } from './run-statement.mjs';

const tokenKept = 8 * 3_600_000;
const resultKept = 24 * 3_600_000;
const over = ['FINISHED', 'FAILED', 'ABORTED'];
export const isOver = ({ status }) => over.includes(status);

export class ServiceError extends Error {
  constructor(type, message, more = {}) {
    super(message);
    Object.assign(this, { type, more });
  }
}

export function createStatements({ most = 500, settings, faults, now = Date.now }) {
  const byId = new Map();
  const byToken = new Map();
  let queries = 100_000;

  async function work(statement) {
    const move = (status) => { Object.assign(statement, { status, updatedAt: now() }); };
    await faults.held(statement);
    try {
      if (statement.cancelled) throw new Error('cancelled');
      move('PICKED');
      move('STARTED');
      await runStatement(statement, { ...settings(), faults, nextQueryId: () => (queries += 1) });
      move('FINISHED');
    } catch (error) {
      statement.error = messageOf(error);
      for (const sub of statement.subs) if (sub.status !== 'FAILED' && sub.status !== 'ABORTED') Object.assign(sub, sub.status === 'FINISHED' && statement.mode === 'TRANSACTION' ? { status: 'ABORTED', result: null } : sub.status === 'SUBMITTED' || sub.status === 'STARTED' ? { status: 'ABORTED' } : {});
      move(statement.cancelled || statement.error.startsWith('ABORTED') ? 'ABORTED' : 'FAILED');
    }
    if (statement.mode === 'AUTO_COMMIT' && statement.subs.some(({ status }) => status === 'FAILED') && statement.status === 'FINISHED') {
      move('FAILED');
      statement.error = statement.subs.find(({ error }) => error).error;
    }
    statement.duration = (now() - statement.createdAt) * 1_000_000;
    for (const wake of statement.waiting.splice(0)) wake();
  }

  return {
    submit({ sqls, name, token, batch, mode = 'TRANSACTION', database, target, user, format = 'JSON' }) {
      const known = token === undefined ? undefined : byToken.get(token);
      if (known && now() - known.createdAt < tokenKept) {
        // The service does not say what it does here; a mistake of the caller is told rather than passed over.
        if (JSON.stringify(known.sqls) !== JSON.stringify(sqls)) throw new ServiceError('ValidationException', 'ClientToken was used before with other SQL');
        return known;
      }
      if ([...byId.values()].filter((statement) => !isOver(statement)).length >= most) throw new ServiceError('ActiveStatementsExceededException', `The number of active statements exceeds ${most}`);
      const statement = {
        id: randomUUID(), sqls, name, batch, mode, database, target, user, format, status: 'SUBMITTED', createdAt: now(), updatedAt: now(), duration: 0, error: null, waiting: [], cancelled: false, cancel: null,
        subs: sqls.map((sql) => ({ sql, status: 'SUBMITTED', error: null, rows: -1, size: -1, queryId: -1, duration: 0, result: null })),
      };
      byId.set(statement.id, statement);
      if (token !== undefined) byToken.set(token, statement);
      setImmediate(() => void work(statement));
      return statement;
    },
    find(id) {
      const [, whole, number] = /^([0-9a-f-]{36})(?::(\d{1,2}))?$/.exec(id ?? '') ?? [];
      if (whole === undefined) throw new ServiceError('ValidationException', `Value '${id}' at 'id' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\\d+)?$`);
      const statement = byId.get(whole);
      const sub = number === undefined ? null : statement?.subs[Number(number) - 1];
      if (!statement || sub === undefined || now() - statement.createdAt > resultKept) throw new ServiceError('ResourceNotFoundException', 'Query does not exist.', { ResourceId: id });
      return { statement, sub: sub ?? (statement.batch ? null : statement.subs[0]), number };
    },
    async wait(statement, seconds) {
      if (isOver(statement) || !seconds) return;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, seconds * 1000);
        statement.waiting.push(() => { clearTimeout(timer); resolve(); });
      });
    },
    async cancel(statement) {
      if (isOver(statement)) throw new ServiceError('ValidationException', `Could not cancel a query that is already in ${statement.status} state with ID: ${statement.id}`);
      statement.cancelled = true;
      faults.release(statement);
      await statement.cancel?.();
    },
    all: () => [...byId.values()].filter(({ createdAt }) => now() - createdAt <= resultKept).reverse(),
    forget() { byId.clear(); byToken.clear(); },
  };
}
