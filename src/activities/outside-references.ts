import { createHash } from 'node:crypto';
import { checkNamed, checkReference } from '../checks/registry';
import { systemPrefix, type Column } from '../domain/column';
import { runPath, type RunRef } from '../domain/ids';
import { canonicalJson } from '../domain/json';
import type { StagedFile } from '../domain/manifest';
import type { PipelineSpec, StreamSpec } from '../domain/pipeline';
import { stepNamed } from '../transforms/registry';
import type { Reference } from '../transforms/step';
import type { Artefacts } from './artefacts';

/** What lies outside the run and is read whole: a table of a connection, or a file. */
export type Outside = Exclude<Reference, { readonly stream: string }>;

/** What steps, by their ordinals, and checks, by `checkReference`, read besides the rows. */
export const referencesOf = ({ steps, checks }: StreamSpec): readonly { readonly ordinal: number; readonly references: Readonly<Record<string, Reference>> }[] => [
  ...steps.map(({ name, options }, ordinal) => ({ ordinal, references: stepNamed(name).references(options) })),
  ...checks.map(({ name, options }, index) => ({ ordinal: checkReference(index), references: checkNamed(name).references(options) })),
];

/**
 * A stream that is read by increments is taken as its target stands after its publish (semantics 5); one that is read whole, as the
 * rows that this run has staged: null.
 */
export function outsideOf(reference: Reference, { streams, destination }: Pick<PipelineSpec, 'streams' | 'destination'>): Outside | null {
  if (!('stream' in reference)) return reference;
  const other = streams.find(({ stream }) => stream === reference.stream);
  return other?.mode === 'incremental' ? { connection: destination, table: other.to } : null;
}

/** Names a reference in the run's folder, where every stream that reads the same finds it. */
export const referenceKey = (reference: Outside): string => createHash('sha256').update(canonicalJson({ ...reference })).digest('hex').slice(0, 16);

/** Files of a pinned reference, and its columns; those that Millrace has added to a target are no part of it. */
export async function pinnedFiles({ artefacts, run }: { readonly artefacts: Artefacts; readonly run: RunRef }, reference: Outside): Promise<{ readonly columns: readonly Column[]; readonly files: readonly StagedFile[] }> {
  const key = referenceKey(reference);
  const plan = await artefacts.reference.read(run, key);
  const files: StagedFile[] = [];
  for (const { ordinal } of plan.partitions) files.push(...await artefacts.referencePart.read(run, key, ordinal));
  return { columns: plan.columns.filter(({ name }) => !name.startsWith(systemPrefix)), files };
}

export const referenceHome = (run: RunRef, key: string): string => `${runPath(run)}/_read/${key}`;
