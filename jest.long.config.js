/** Tests that take minutes and gigabytes: `npm run test:long`. */
/** @type {import('jest').Config} */
module.exports = { ...require('./jest.config'), testMatch: ['<rootDir>/test/long/**/*.test.ts'], testPathIgnorePatterns: ['/node_modules/'], maxWorkers: 1, testTimeout: 3_600_000 };
