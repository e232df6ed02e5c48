import { schemaFile, schemaLine, schemaText } from '../config/json-schema';

const pipeline = `${schemaLine('pipeline')}# Orders from a CSV file, cleaned, into a table of a DuckDB file. Run it with: millrace run orders.yaml
pipeline: orders
description: Orders as the shop exports them, one row per order, newest version wins.
source: inbox
destination: warehouse
streams:
  - stream: orders.csv
    to: orders
    # Everything is read each time; rows with a key that is there are updated, and nothing is doubled.
    mode: full
    write: merge
    key: [order_id]
    steps:
      - trim: { columns: "*" }
      - cast: { columns: { amount: "DECIMAL(10,2)", ordered_on: DATE } }
      # The shop exports changed orders again: the last one counts.
      - deduplicate: { keys: [order_id], order_by: exported desc }
      - filter: { where: "status <> 'test'" }
    checks:
      # A row that fails is set aside with the reason. Try it: empty a customer in orders.csv and run again.
      - not_null: { columns: [order_id, customer], on_fail: quarantine }
      - row_count: { must_be_greater_than: 0 }
`;

const connections = `${schemaLine('connections')}# Where data comes from and goes to. Write secrets as \${env:NAME} or \${file:PATH}, never themselves.
inbox:
  connector: files
  path: data
warehouse:
  connector: duckdb
  path: warehouse.duckdb
# shop:
#   connector: postgres
#   url: \${env:SHOP_DATABASE_URL}
`;

const orders = `order_id,customer,ordered_on,amount,status,exported
1001,Ada,2026-07-01,19.90,paid,1
1002, Grace ,2026-07-01,250.00,open,1
1003,Edsger,2026-07-02,42.00,paid,1
1002,Grace,2026-07-01,250.00,paid,2
1004,Test Customer,2026-07-02,0.01,test,2
1005,Barbara,2026-07-03,99.50,open,2
`;

const ignored = `.millrace/
*.duckdb
*.duckdb.wal
.env
`;

/** What `millrace init` writes: file name → text. */
export const firstProject = (): Readonly<Record<string, string>> => ({
  'orders.yaml': pipeline,
  'connections.yaml': connections,
  'data/orders.csv': orders,
  '.gitignore': ignored,
  // For editors: they complete words and mark what is misspelt.
  [schemaFile('pipeline')]: schemaText('pipeline'),
  [schemaFile('connections')]: schemaText('connections'),
});
