/** Tests against a real Salesforce org, which the environment names: `npm test -- --config jest.org.config.js`; see test/org. */
/** @type {import('jest').Config} */
module.exports = { ...require('./jest.config.js'), testMatch: ['<rootDir>/test/org/*.org.ts'] };
