module.exports = (row) => ({
