import type { z } from 'zod';
import { checks, checkSpecSchema } from '../checks/registry';
import { connectors } from '../connectors/registry';
import { formats } from '../formats/registry';
import { steps, stepSpecSchema } from '../transforms/registry';

/** A word of a registry, as far as a file's parser needs to know it. */
export interface Word {
  readonly name: string;
  readonly summary: string;
  readonly optionsSchema: z.ZodType;
}

export interface ConnectorWord {
  readonly name: string;
  readonly summary: string;
  readonly configSchema: z.ZodType;
  readonly capabilities?: { readonly writes: readonly string[]; readonly refuses: Readonly<Record<string, string>>; readonly takesChecks?: boolean };
  readonly holdsTables?: boolean;
  readonly takesCursor?: boolean;
  readonly openSource?: unknown;
  readonly openDestination?: unknown;
  readonly openLookup?: unknown;
}

/** The four lists of words, each from its registry; nothing is promised that is not built. */
export const stepWords: readonly Word[] = steps.map(({ name, summary }) => ({ name, summary, optionsSchema: stepSpecSchema(name) }));
export const checkWords: readonly Word[] = checks.map(({ name, summary }) => ({ name, summary, optionsSchema: checkSpecSchema(name) }));
export const formatWords: readonly Word[] = formats;
export const connectorWords: readonly ConnectorWord[] = connectors;
