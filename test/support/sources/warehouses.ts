import { startWarehouse } from '../redshift';
import { commonRows, readAt, sqlValues, type SourceFixtureDefinition } from './fixture';

/** Full readings only, as yet; on the simulator. */
export const redshift: SourceFixtureDefinition = {
  async open() {
    const warehouse = await startWarehouse();
    const { connector: _connector, ...connection } = JSON.parse(warehouse.connection) as Record<string, unknown>;
    await warehouse.run('CREATE TABLE things (id bigint NOT NULL, big bigint, price decimal(38,9), t varchar(100), "at" timestamptz NOT NULL)');
    return {
      connection, stream: 'things', discovered: 'public.things', words: { full: '', incremental: null }, steps: commonRows(),
      columns: ['id BIGINT', 'big BIGINT', 'price DECIMAL(38,9)', 't VARCHAR', 'at TIMESTAMP WITH TIME ZONE'],
      async grow(step) {
        await warehouse.run(`INSERT INTO things VALUES ${sqlValues(commonRows()[step]!, (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`)}`);
        return readAt(step);
      },
      async spoil() {
        await warehouse.run('DROP TABLE things; CREATE TABLE things (id bigint NOT NULL, big varchar(30), price decimal(38,9), t varchar(100), "at" timestamptz NOT NULL)');
      },
      close: () => warehouse.close(),
    };
  },
};
