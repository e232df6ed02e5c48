import type { Control } from '../../domain/control';
import { partitionPath, runPath, type RunRef } from '../../domain/ids';
import type { LandingFile } from '../../domain/manifest';
import type { Partition, Plan } from '../../domain/plan';
import type { ReplayedBatch } from '../../domain/replay';
import { openEntries, openMarks } from '../../stores/quarantine-entries';
import { quoteLiteral } from '../../transforms/quote';
import { openArtefacts } from '../artefacts';
import type { Dependencies } from '../dependencies';
import { familyOf, membersOf } from './family';
import { marksOf } from './marks';

/** The chosen entries of one batch as they came, or as they were mended, in a landing file of their own. */
export async function landReplayed({ staging, engine }: Dependencies, control: Control, run: RunRef, plan: Plan, partition: Partition): Promise<readonly LandingFile[]> {
  const { run: from, place, files } = partition.detail as unknown as ReplayedBatch;
  const family = (await familyOf(staging, run.replay!.of))!;
  const edits = (await Promise.all(membersOf(family).map((document) => marksOf(staging, document.run, plan.stream, 'edits')))).flat().map(({ file }) => file);
  const { key, path } = await staging.create(partitionPath(run, plan.stream, partition.ordinal), 'parquet');
  const rows = await engine.session(control.signal, async (session) => {
    await openEntries(session, staging, files.map((file) => ({ run: from, place, file })), 'quarantined');
    await openMarks(session, staging, [plan.replay!.entries], 'chosen', ['part', 'ordinal']);
    await openMarks(session, staging, edits, 'edits', ['raw', 'number']);
    await session.run('CREATE TEMP VIEW mended AS SELECT run, place, row, max_by(raw, CAST(number AS BIGINT)) AS raw FROM edits GROUP BY run, place, row');
    return session.changed(
      `COPY (SELECT coalesce(m.raw, q.raw) AS raw FROM chosen c JOIN quarantined q USING (run, place, row) LEFT JOIN mended m USING (run, place, row) WHERE CAST(c.part AS BIGINT) = ${partition.ordinal} ORDER BY CAST(c.ordinal AS BIGINT)) ` +
      `TO ${quoteLiteral(path)} (FORMAT parquet, COMPRESSION zstd)`);
  });
  const artefacts = openArtefacts(staging);
  const rejecting = membersOf(family).find((document) => runPath(document.run) === from)!;
  const { names } = await artefacts.plan.read(rejecting.run, plan.stream);
  // How the source's files were read, where it read files.
  const flatten = (await artefacts.manifest.find(family.original.run, plan.stream, 0))?.files[0]?.format.options['flatten'] === true;
  return [{ ...(await staging.seal(key)), rows, format: { name: 'quarantined', options: { names: [...names], flatten } }, origin: from }];
}
