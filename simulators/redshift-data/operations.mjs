// The operations of the Data API that are simulated: parsed input in, JSON text out.
import { metadataOf, recordsCsv, recordsText } from './results.mjs';
import { isOver, ServiceError } from './statements.mjs';
import { tokensOf } from './tokens.mjs';

const invalid = (message) => new ServiceError('ValidationException', message);
const seconds = (milliseconds) => milliseconds / 1000;
const [mostSql, mostStatements] = [100 * 1024, 40];

const known = {
  common: ['ClientToken', 'ClusterIdentifier', 'Database', 'DbUser', 'SecretArn', 'WorkgroupName', 'StatementName', 'WithEvent', 'ResultFormat', 'WaitTimeSeconds', 'Parameters'],
};

export function createOperations({ statements, database, targets, pageRows }) {
  function refuseUnknown(input, names) {
    for (const name of ['SessionId', 'SessionKeepAliveSeconds']) if (input[name] !== undefined) throw invalid('sessions are not simulated');
    const unknown = Object.keys(input).find((name) => !names.includes(name));
    if (unknown) throw invalid(`unknown member ${unknown}`);
  }

  function waitSeconds({ WaitTimeSeconds: wait = 0 }) {
    if (!Number.isInteger(wait) || wait < 0 || wait > 30) throw invalid("Value at 'waitTimeSeconds' failed to satisfy constraint: Member must be between 0 and 30");
    return wait;
  }

  /** Serverless: a workgroup. Provisioned: a cluster, with a database user or without. Either with a secret instead. */
  function targetOf({ WorkgroupName, ClusterIdentifier, DbUser, SecretArn, Database }) {
    if ((WorkgroupName === undefined) === (ClusterIdentifier === undefined)) throw invalid('Either ClusterIdentifier or WorkgroupName must be specified');
    if (WorkgroupName !== undefined && DbUser !== undefined) throw invalid('DbUser is not supported with WorkgroupName');
    if (DbUser !== undefined && SecretArn !== undefined) throw invalid('DbUser and SecretArn cannot both be specified');
    if (Database === undefined) throw invalid('Database is required');
    const target = WorkgroupName ?? ClusterIdentifier;
    if (!targets.includes(target)) throw invalid(`Redshift endpoint doesn't exist in this region.: ${target}`);
    return target;
  }

  async function submit(input, sqls, batch) {
    const { ClientToken: token, StatementName: name, Parameters: parameters, Database, ExecutionMode: mode, ResultFormat: format } = input;
    const target = targetOf(input);
    const wait = waitSeconds(input);
    if (token !== undefined && (typeof token !== 'string' || token.length < 1 || token.length > 64)) throw invalid("Value at 'clientToken' failed to satisfy constraint: Member must have length between 1 and 64");
    if (name !== undefined && name.length > 500) throw invalid("Value at 'statementName' failed to satisfy constraint: Member must have length less than or equal to 500");
    if (sqls.length === 0 || sqls.length > mostStatements) throw invalid(`Value at 'sqls' failed to satisfy constraint: Member must have length between 1 and ${mostStatements}`);
    const long = sqls.findIndex((sql) => typeof sql !== 'string' || Buffer.byteLength(sql) > mostSql);
    if (long !== -1) throw invalid(`SQL text of statement ${long + 1} exceeds the limit of 100 KB`);
    if (Database !== database) throw invalid(`FATAL: database "${Database}" does not exist`);
    const bound = parameters ? bind(sqls, parameters) : sqls;
    const statement = statements.submit({ sqls: bound, name, token, batch, mode, database, target, user: input.DbUser, format });
    await statements.wait(statement, wait);
    return {
      statement,
      text: JSON.stringify({
        Id: statement.id, CreatedAt: seconds(statement.createdAt), Database: database, ...targetFields(statement), Status: statement.status, HasResultSet: hasResult(statement), ...(input.DbUser && { DbUser: input.DbUser }), ...(input.SecretArn && { SecretArn: input.SecretArn }),
      }),
    };
  }

  const targetFields = ({ target }) => ({ WorkgroupName: target });
  const hasResult = ({ subs, status }) => status === 'FINISHED' && subs.some(({ result }) => result !== null);
  const subOf = (statement, sub, id) => ({
    Id: id, Status: sub.status, ...(sub.error && { Error: sub.error }), QueryString: sub.sql, Duration: sub.duration, ResultRows: sub.rows, ResultSize: sub.size, RedshiftQueryId: sub.queryId, HasResultSet: sub.result !== null,
    CreatedAt: seconds(statement.createdAt), UpdatedAt: seconds(statement.updatedAt),
  });

  function describe(statement) {
    const only = statement.batch ? null : statement.subs[0];
    return {
      Id: statement.id, Status: statement.status, CreatedAt: seconds(statement.createdAt), UpdatedAt: seconds(statement.updatedAt), Duration: statement.duration, Database: statement.database, ...targetFields(statement),
      HasResultSet: hasResult(statement), ResultRows: only?.rows ?? -1, ResultSize: only?.size ?? -1, RedshiftPid: 1, RedshiftQueryId: only?.queryId ?? -1, ResultFormat: statement.format, ...(statement.error && { Error: statement.error }),
      ...(statement.batch ? { SubStatements: statement.subs.map((sub, index) => subOf(statement, sub, `${statement.id}:${index + 1}`)), ExecutionMode: statement.mode } : { QueryString: only.sql }),
    };
  }

  async function results({ Id, NextToken, ...input }, form) {
    refuseUnknown(input, ['WaitTimeSeconds']);
    const { statement } = statements.find(Id);
    await statements.wait(statement, waitSeconds(input));
    const { sub } = statements.find(Id);
    if (!isOver(statement)) throw new ServiceError('ResourceNotFoundException', 'Query is not finished', { ResourceId: Id });
    if (!sub?.result) throw new ServiceError('ResourceNotFoundException', 'Query does not have result. Please check query status with DescribeStatement.', { ResourceId: Id });
    if (statement.format === 'CSV' && form === 'records') throw invalid('The result format is CSV; use GetStatementResultV2');
    const from = NextToken === undefined ? 0 : Number(/^from-(\d+)$/.exec(NextToken)?.[1] ?? NaN);
    if (Number.isNaN(from)) throw invalid('NextToken is not valid');
    const { rows, fields } = sub.result;
    const page = rows.slice(from, from + pageRows);
    const next = from + pageRows < rows.length ? `,"NextToken":"from-${from + pageRows}"` : '';
    const records = statement.format === 'CSV' ? JSON.stringify([{ CSVRecords: recordsCsv(page, fields, from === 0) }]) : recordsText(page, fields);
    return { statement, text: `{"Records":${records},"ColumnMetadata":${JSON.stringify(metadataOf(fields))},"TotalNumRows":${rows.length}${form === 'v2' ? `,"ResultFormat":"${statement.format}"` : ''}${next}}` };
  }

  return {
    ExecuteStatement(input) {
      refuseUnknown(input, [...known.common, 'Sql']);
      return submit(input, [input.Sql], false);
    },
    BatchExecuteStatement(input) {
      refuseUnknown(input, [...known.common, 'Sqls', 'ExecutionMode']);
      return submit(input, input.Sqls ?? [], true);
    },
    async DescribeStatement({ Id, ...input }) {
      refuseUnknown(input, ['WaitTimeSeconds']);
      const { statement, sub, number } = statements.find(Id);
      await statements.wait(statement, waitSeconds(input));
      return { statement, text: JSON.stringify(number === undefined ? describe(statement) : subOf(statement, sub, Id)) };
    },
    GetStatementResult: (input) => results(input, 'records'),
    GetStatementResultV2: (input) => results(input, 'v2'),
    ListStatements({ StatementName, Status, NextToken, MaxResults = 100, ...input }) {
      refuseUnknown(input, ['RoleLevel', 'Database', 'WorkgroupName', 'ClusterIdentifier']);
      if (MaxResults < 0 || MaxResults > 100) throw invalid("Value at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100");
      const wanted = statements.all().filter((statement) => (StatementName === undefined || (statement.name ?? '').startsWith(StatementName)) && (Status === undefined ? statement.status === 'FINISHED' : Status === 'ALL' || statement.status === Status));
      const from = Number(NextToken ?? 0);
      const page = wanted.slice(from, from + (MaxResults || 100));
      return { text: JSON.stringify({
        Statements: page.map((statement) => ({
          Id: statement.id, StatementName: statement.name, Status: statement.status, IsBatchStatement: statement.batch, CreatedAt: seconds(statement.createdAt), UpdatedAt: seconds(statement.updatedAt), ResultFormat: statement.format,
          ...(statement.batch ? { QueryStrings: statement.sqls } : { QueryString: statement.sqls[0] }),
        })),
        ...(from + page.length < wanted.length && { NextToken: String(from + page.length) }),
      }) };
    },
    async CancelStatement({ Id, ...input }) {
      refuseUnknown(input, []);
      const { statement } = statements.find(Id);
      await statements.cancel(statement);
      return { statement, text: '{"Status":true}' };
    },
  };
}

/** `:name` becomes a literal; each parameter must be used, and none is empty. */
function bind(sqls, parameters) {
  const values = new Map(parameters.map(({ name, value }) => [name, value]));
  if (parameters.some(({ name, value }) => !/^[0-9a-zA-Z_]+$/.test(name ?? '') || !value)) throw invalid("Value at 'parameters' failed to satisfy constraint: name and value must not be empty");
  const used = new Set();
  const bound = sqls.map((sql) => tokensOf(sql).map(({ kind, source }) => {
    const name = kind === 'parameter' ? source.slice(1) : null;
    if (name === null || !values.has(name)) return source;
    used.add(name);
    return `'${values.get(name).replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  }).join(''));
  const unused = [...values.keys()].find((name) => !used.has(name));
  if (unused) throw invalid(`Parameters list contains unused parameters. Unused parameters: [${unused}]`);
  return bound;
}
