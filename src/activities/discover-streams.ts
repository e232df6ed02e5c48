import type { StreamSchema } from '../domain/column';
import type { Dependencies } from './dependencies';
import type { Discovered, DiscoverInput } from './seeing-contract';

/** The answer lies in workflow history, so it is bounded; a filter shows the rest. */
const mostColumns = 1500;

/** What a connection offers to read. */
export const createDiscoverStreams = ({ openSource }: Dependencies) => async ({ connectionsFile, connection, filter }: DiscoverInput): Promise<Discovered> => {
  const source = await openSource(connectionsFile, connection);
  try {
    const found = (await source.discover(filter)).filter(({ stream }) => filter === null || stream.toLowerCase().includes(filter.toLowerCase()));
    return bounded(found);
  } finally {
    await source.close();
  }
};

function bounded(found: readonly StreamSchema[]): Discovered {
  let columns = 0;
  const streams = found.filter((stream) => (columns += stream.columns.length + 1) <= mostColumns);
  const further = found.filter((stream) => !streams.includes(stream)).map(({ stream }) => stream);
  return { streams, further: further.slice(0, 500), total: found.length };
}
