const kept = []; module.exports = () => { for (;;) kept.push(new Array(100000).fill('x' + kept.length)); };
