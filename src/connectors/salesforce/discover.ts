import { Sema } from 'async-sema';
import type { StreamSchema } from '../../domain/column';
import { EtlError } from '../../domain/errors';
import { columnsOf } from './fields';
import type { ObjectName, Org } from './org';

/** Each costs a request of the day, and more are not shown with their columns anyway; a filter shows others. */
const described = 60;
const atOnce = 5;

/** Objects of the org, those that people see in it first, as many as can be told in a minute with their columns. */
export async function discoverObjects(org: Org, filter: string | null, signal: AbortSignal): Promise<readonly StreamSchema[]> {
  const named = (await org.objects(signal)).filter(({ name }) => filter === null || name.toLowerCase().includes(filter.toLowerCase()));
  const rank = ({ layoutable }: ObjectName): number => (layoutable ? 0 : 1);
  const sorted = [...named].sort((left, right) => rank(left) - rank(right) || (left.name < right.name ? -1 : 1));
  const slots = new Sema(atOnce);
  return await Promise.all(sorted.map(async ({ name }, index): Promise<StreamSchema> => {
    if (index >= described) return { stream: name, key: ['Id'], columns: [] };
    await slots.acquire();
    try {
      return { stream: name, key: ['Id'], columns: columnsOf(await org.describe(name, signal)) };
    } catch (error) {
      // One object that refuses does not hide the others.
      if (!EtlError.is(error) || error.disposition !== 'hold') throw error;
      return { stream: name, key: ['Id'], columns: [] };
    } finally {
      slots.release();
    }
  }));
}
