module.exports = (row) => { while (row.v) ; return {}; };
