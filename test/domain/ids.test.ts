import { activityId, batchesByPart, batchPath, partitionPath, runPath, slug, workflowIdOf } from '../../src/domain/ids';

const run = {
  pipeline: 'crm_sales', workflowId: 'crm_sales/run-2026-08-01T00:00:00Z', logicalDate: '2026-08-01T00:00:00Z', generation: 1, executionId: 'x', startedAt: '2026-08-01T00:00:01.000Z',
};

describe('ids', () => {
  it('are paths that carry the meaning', () => {
    expect(workflowIdOf(run.pipeline, run.logicalDate)).toBe(run.workflowId);
    expect(runPath(run)).toBe('crm_sales/run-20260801T000000Z');
    expect(batchPath(run, 'Opportunity', 7)).toBe('crm_sales/run-20260801T000000Z/opportunity/0007/00');
    expect(batchPath(run, 'Opportunity', 'all')).toBe('crm_sales/run-20260801T000000Z/opportunity/all/00');
    expect(activityId('Opportunity', 7, 'load')).toBe('opportunity/0007/load');
    expect(activityId('Opportunity', null, 'publish')).toBe('opportunity/publish');
  });

  it('mark a later generation of a run and of a partition', () => {
    expect(runPath({ ...run, generation: 2 })).toBe('crm_sales/run-20260801T000000Z~2');
    expect(partitionPath(run, 'a', 3, 2)).toBe('crm_sales/run-20260801T000000Z/a/0003~2');
  });

  it('tell which batch has the rows of a partition: its own, that of the whole stream, or none', () => {
    const apart = batchesByPart([batchPath(run, 'a', 0), batchPath(run, 'a', 2, 3)]);
    expect([0, 1, 2].map(apart)).toEqual([[batchPath(run, 'a', 0)], [], [batchPath(run, 'a', 2, 3)]]);
    expect(batchesByPart([batchPath(run, 'a', 'all')])(1)).toEqual([batchPath(run, 'a', 'all')]);
  });

  it('slug names to one path segment', () => {
    expect(slug('public.Order Lines')).toBe('public_order_lines');
    expect(slug('../x')).toBe('x');
    expect(slug('…')).toBe('_');
  });
});
