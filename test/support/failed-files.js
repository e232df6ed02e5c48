const { writeFileSync } = require('node:fs');

/** Leaves the paths of the test files that failed, one a line, for `scripts/test.mjs`. */
module.exports = class FailedFiles {
  constructor(_config, options) {
    this.into = options.into;
  }

  onRunComplete(_contexts, { testResults }) {
    const failed = testResults.filter(({ numFailingTests, testExecError }) => numFailingTests > 0 || testExecError);
    writeFileSync(this.into, failed.map(({ testFilePath }) => testFilePath).join('\n'));
  }
};
