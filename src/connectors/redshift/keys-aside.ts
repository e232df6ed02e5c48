import { createHash, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Control } from '../../domain/control';
import { openObjectStore } from '../../stores/object-store';
import { quoteIdentifier as quoteDuck, quoteLiteral as quoteDuckLiteral } from '../../transforms/quote';
import type { ConnectorContext, PublishRequest } from '../connector';
import type { Redshift, Step } from './client';
import type { Names } from './names';
import { columnsOf } from './columns';
import { quoteIdentifier } from './quote';
import { copySql } from './copy-files';
import { homeOfFence } from './staging-places';
import { copyFormOf } from './types';

/** Keys in this run's quarantine, as a table of the publish's session. The first manifest wins, so that every attempt asks for the same. */
export async function keysAsideSteps(redshift: Redshift, names: Names, context: ConnectorContext, { plan, target: { stream } }: PublishRequest, parquet: string, control: Control): Promise<readonly Step[]> {
  const { config } = redshift;
  const types = await columnsOf(redshift, names.schema, names.table);
  const columns = plan.target.filter(({ name }) => stream.key.includes(name)).map((column) => ({ name: column.name, form: copyFormOf(column, quoteDuck(column.name), types.get(column.name.toLowerCase())!) }));
  const folder = `${homeOfFence(config, names, plan.fence)}/keys`;
  const nullMark = `null ${createHash('sha256').update(`${plan.hash}keys`).digest('hex').slice(0, 24)}`;
  const store = openObjectStore(config.staging, 'destination');
  try {
    const manifest = `${folder}/manifest.json`;
    if (!(await store.readText(manifest))) {
      await context.engine.session(control.signal, async (session) => {
        const file = path.join(session.scratch(), 'keys.csv.gz');
        const quoted = columns.filter(({ form }) => form.staged.startsWith('varchar')).map(({ name }) => quoteDuck(name));
        await session.run(`COPY (SELECT ${columns.map(({ name, form }) => `${form.printed} AS ${quoteDuck(name)}`).join(', ')} FROM read_parquet(${quoteDuckLiteral(parquet)})) TO ${quoteDuckLiteral(file)} ` +
          `(FORMAT csv, HEADER false, COMPRESSION gzip, NULLSTR ${quoteDuckLiteral(nullMark)}${quoted.length > 0 ? `, FORCE_QUOTE (${quoted.join(', ')})` : ''})`);
        const key = `${folder}/${randomUUID().slice(0, 13)}.csv.gz`;
        await store.upload(key, file, { signal: control.signal });
        await store.createText(manifest, JSON.stringify({ entries: [{ url: `${store.name}/${key}`, mandatory: true, meta: { content_length: (await stat(file)).size } }] }));
      });
    }
    return [
      { sql: `CREATE TEMP TABLE _millrace_aside (${columns.map(({ name, form }) => `${quoteIdentifier(name)} ${form.staged}`).join(', ')})` },
      { sql: copySql('_millrace_aside', config, columns.map(({ name }) => quoteIdentifier(name)), { manifest: `${store.name}/${manifest}`, nullMark }) },
    ];
  } finally {
    store.close();
  }
}
