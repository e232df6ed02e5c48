/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Minutes and gigabytes: `npm run test:long`.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/long/'],
  modulePathIgnorePatterns: ['<rootDir>/lib', '<rootDir>/.millrace'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', ...(process.env.MILLRACE_TEST_FAILED_FILES ? [['<rootDir>/test/support/failed-files.js', { into: process.env.MILLRACE_TEST_FAILED_FILES }]] : [])],
  testTimeout: 120000,
  // Most tests wait for servers; one file at a time would leave the cores idle.
  maxWorkers: 3,
  // Crash tests wait for timeouts most of the time, so many of them go side by side.
  maxConcurrency: 12,
};
