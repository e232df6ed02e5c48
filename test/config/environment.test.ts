import { availableParallelism } from 'node:os';
import path from 'node:path';
import { readEnvironment } from '../../src/config/environment';

const nowhere = { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' };

describe('the environment', () => {
  it('has a default for everything', () => {
    expect(readEnvironment(nowhere)).toMatchObject({
      temporal: { connection: { address: 'localhost:7233' }, namespace: 'default', configured: false },
      home: path.resolve('.millrace'), taskQueue: 'millrace', memoryLimit: '1GB', slots: Math.min(availableParallelism() + 1, 8), threadPoolSize: 4, heartbeatTimeout: '30s', killAt: undefined,
    });
  });

  it('follows Temporal\'s standard variables', () => {
    expect(readEnvironment({ ...nowhere, TEMPORAL_ADDRESS: 'temporal.example:7233', TEMPORAL_NAMESPACE: 'etl', TEMPORAL_API_KEY: 'k' }).temporal)
      .toEqual({ connection: { address: 'temporal.example:7233', apiKey: 'k', tls: true }, namespace: 'etl', configured: true });
  });

  it('tells all mistakes at once', () => {
    expect(() => readEnvironment({ ...nowhere, MILLRACE_MEMORY: 'much', MILLRACE_SLOTS: '0', MILLRACE_HEARTBEAT_TIMEOUT: 'soon', MILLRACE_LOG_LEVEL: 'loud' }))
      .toThrow(/MILLRACE_MEMORY is "much".*MILLRACE_SLOTS is "0".*MILLRACE_LOG_LEVEL is "loud".*MILLRACE_HEARTBEAT_TIMEOUT is "soon"/);
  });
});
