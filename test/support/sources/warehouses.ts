import { openWarehouse } from '../redshift';
import { commonRows, readAt, sqlValues, type SourceFixtureDefinition } from './fixture';

/** In slices by key; what is new by a query. */
export const redshift: SourceFixtureDefinition = {
  async open() {
    const warehouse = await openWarehouse();
    const { connector: _connector, ...connection } = JSON.parse(warehouse.connection) as Record<string, unknown>;
    const table = `${warehouse.schema}.things`;
    await warehouse.run(`CREATE TABLE ${table} (id bigint NOT NULL, big bigint, price decimal(38,9), t varchar(100), "at" timestamptz NOT NULL)`);
    return {
      connection, stream: 'things', discovered: table, words: { full: 'key: [id], partition: { rows: 2 }', incremental: `key: [id], cursor: at, settle: 1 second, partition: { rows: 2 }, query: "SELECT * FROM ${table} WHERE id > 0;"` }, steps: commonRows(),
      columns: ['id BIGINT', 'big BIGINT', 'price DECIMAL(38,9)', 't VARCHAR', 'at TIMESTAMP WITH TIME ZONE'],
      async grow(step) {
        await warehouse.run(`INSERT INTO ${table} VALUES ${sqlValues(commonRows()[step]!, (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`)}`);
        return readAt(step);
      },
      async spoil() {
        await warehouse.run(`DROP TABLE ${table}; CREATE TABLE ${table} (id bigint NOT NULL, big varchar(30), price decimal(38,9), t varchar(100), "at" timestamptz NOT NULL)`);
      },
      close: () => warehouse.close(),
    };
  },
};
