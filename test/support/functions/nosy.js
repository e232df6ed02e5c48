const { readFileSync } = require('node:fs'); module.exports = () => ({ v: readFileSync('/etc/hostname', 'utf8') });
