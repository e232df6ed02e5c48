import type { Column } from '../domain/column';
import { diffText, driftOf, reaching, type Contract, type Drift, type Known } from '../domain/contract';
import { approvalText, columnsUnder, knownAfter, refusalText, verdictOf, type Verdict } from '../domain/contract-verdict';
import { ConfigurationError, ContractRefusedError } from '../domain/errors';
import type { StreamSpec } from '../domain/pipeline';
import type { Plan } from '../domain/plan';
import { pairsOf, withRenames, type Overlap } from '../domain/rename';

/** Without the word: new columns are added as they come, and what the target cannot hold holds the run. */
const unwritten: Contract = { columns: 'evolve', types: null };

interface Contracting {
  readonly pipeline: string;
  readonly stream: StreamSpec;
  /** Of the checkpoint; absent: nothing is known, so nothing differs. */
  readonly known: Known | undefined;
  /** Columns of the source under their names inside Millrace. */
  readonly now: readonly Column[];
  /** Columns after the steps. */
  describe(columns: readonly Column[]): Promise<readonly Column[]>;
  /** How much the values of new and missing columns are alike, where that was looked at. */
  readonly overlap?: Overlap | undefined;
}

export interface Contracted {
  /** As the first step receives them. */
  readonly columns: readonly Column[];
  /** After the steps. */
  readonly target: readonly Column[];
  readonly known: Known;
  readonly plan: Pick<Plan, 'drift' | 'rules' | 'widens' | 'approval'>;
  /** Why the run ends here; null: it goes on. */
  readonly refusal: string | null;
}

/** Compares the source with what was last published and asks the contract what that means. */
export async function contractedBy(contracting: Contracting): Promise<Contracted> {
  const { pipeline, stream, known, now, describe } = contracting;
  const contract = stream.contract ?? unwritten;
  if (known === undefined) {
    const target = await describe(now);
    return { columns: now, target, known: knownAfter(contract, [], now, [], target), plan: {}, refusal: null };
  }
  const drift = withRenames(await driftReaching(contracting, driftOf(known, now)), contracting.overlap ?? (() => null));
  const verdict = verdictOf(contract, known, now, drift);
  const columns = columnsUnder(verdict.rules, now);
  const target = await describe(columns).catch((error: unknown) => { throw besideDrift(error, drift); });
  return {
    columns, target, known: knownAfter(contract, verdict.rules, now, drift, target), plan: planned(pipeline, stream.stream, drift, verdict),
    refusal: verdict.refused.length > 0 ? refusalText(stream.stream, contract, drift, verdict.refused) : null,
  };
}

/** Judges once more with a look at the values, where a column may only have another name. */
export async function judgedWith(contract: (overlap?: Overlap) => Promise<Contracted>, look: (drift: readonly Drift[]) => Promise<Overlap>): Promise<Contracted> {
  const first = await contract();
  return pairsOf(first.plan.drift ?? []).length === 0 ? first : contract(await look(first.plan.drift!));
}

export const refuseDrift = ({ refusal }: Contracted, stream: string): void => {
  if (refusal !== null) throw new ContractRefusedError(refusal, { stream });
};

/** Where the steps do not compile without a column, every difference counts. */
async function driftReaching({ known, now, describe }: Contracting, drift: readonly Drift[]): Promise<readonly Drift[]> {
  if (drift.length === 0) return drift;
  const target = await describe(now).catch((error: unknown) => { if (error instanceof ConfigurationError) return null; throw error; });
  return target === null ? drift : reaching(drift, known!, target);
}

const planned = (pipeline: string, stream: string, drift: readonly Drift[], { rules, widens, asked }: Verdict): Contracted['plan'] => ({
  ...(drift.length > 0 && { drift }), ...(rules.length > 0 && { rules }), ...(widens.length > 0 && { widens }),
  ...(asked.length > 0 && { approval: approvalText(pipeline, stream, asked) }),
});

/** A step that does not compile is told together with what changed under it. */
function besideDrift(error: unknown, drift: readonly Drift[]): unknown {
  if (!(error instanceof ConfigurationError) || drift.length === 0) return error;
  return new ConfigurationError(`${error.message}; the source has changed since the last run: ${diffText(drift)}`, error.facts);
}
