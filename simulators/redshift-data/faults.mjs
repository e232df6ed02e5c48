// What is to go wrong, on demand: { kind, operation?, name?, at?, times? }. `name`: part of the statement's name.
//   throttle    the next requests are refused before anything is accepted
//   lost        the request is accepted, and the connection is cut instead of an answer
//   conflict    a transaction fails before its statement `at` with error 1023
//   crash       the cluster goes away before statement `at`: ABORTED, rolled back
//   hold        a statement stays SUBMITTED until `release`; with `at`, its transaction stays open before that statement
//   refuse      from now on COPY refuses records of CSV that hold `text`
//   s3          COPY and UNLOAD meet a server error of S3
export const kinds = ['throttle', 'lost', 'conflict', 'crash', 'hold', 'refuse', 's3'];

export function createFaults() {
  let list = [];
  const held = new Map();
  const take = (kind, matches) => {
    const found = list.find((fault) => fault.kind === kind && fault.times > 0 && matches(fault));
    if (found) found.times -= 1;
    list = list.filter(({ times }) => times > 0);
    return found ?? null;
  };
  const named = ({ name }, statement) => name === undefined || (statement.name ?? '').includes(name);
  return {
    add: ({ times = 1, ...fault }) => { list.push({ ...fault, times }); },
    request: (operation) => take('throttle', (fault) => fault.operation === undefined || fault.operation === operation) !== null,
    answer: (operation, statement) => take('lost', (fault) => (fault.operation === undefined || fault.operation === operation) && (!statement || named(fault, statement))) !== null,
    refuses: (record) => list.some((fault) => fault.kind === 'refuse' && record.includes(fault.text)),
    refusesSome: () => list.some(({ kind }) => kind === 'refuse'),
    s3: (statement) => take('s3', (fault) => named(fault, statement)) !== null,
    at(statement, index) {
      const found = list.find((fault) => (fault.kind === 'conflict' || fault.kind === 'crash') && (fault.at ?? 0) === index && named(fault, statement));
      return found ? take(found.kind, (fault) => fault === found).kind : null;
    },
    async held(statement) {
      if (!take('hold', (fault) => fault.at === undefined && named(fault, statement))) return;
      await new Promise((resolve) => { held.set(statement.id, resolve); });
    },
    async heldAt(statement, index) {
      if (take('hold', (fault) => fault.at === index && named(fault, statement))) await new Promise((resolve) => { held.set(statement.id, resolve); });
    },
    release(statement) {
      for (const [id, resolve] of held) if (!statement || statement.id === id) { held.delete(id); resolve(); }
    },
  };
}
