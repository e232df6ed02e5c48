import { useEngine } from '../support/chain';

const engine = useEngine();

it('a name that no column has ends the work with what to mend, and is not tried again', () => engine.get().session(new AbortController().signal, async (session) => {
  await expect(session.row('SELECT count(*) FILTER (nosuch > 1) AS n FROM (SELECT 1 AS a)')).rejects.toMatchObject({ disposition: 'fail', area: 'configuration', message: expect.stringContaining('column "nosuch" not found among the columns') as string });
}));
