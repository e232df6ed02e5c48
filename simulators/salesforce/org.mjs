// The objects of the stand-in and their records, which are made when they are asked for: a million of them needs no memory.
export const version = '67.0';
const field = (name, type, more = {}) => ({ name, type, nillable: name !== 'Id', precision: 0, scale: 0, calculated: false, ...more });

const opportunityFields = [
  field('Id', 'id'), field('Name', 'string'), field('AccountId', 'reference'), field('Amount', 'currency', { precision: 18, scale: 2 }), field('StageName', 'picklist'), field('CloseDate', 'date'),
  field('IsDeleted', 'boolean'), field('SystemModstamp', 'datetime'), field('BillingAddress', 'address'),
];
const moreFields = [
  field('Probability', 'percent', { precision: 3 }), field('ExpectedRevenue', 'currency', { precision: 18, scale: 2, calculated: true }), field('Seats__c', 'int'), field('Notes__c', 'textarea'),
  field('Call__c', 'time'), field('Share__c', 'double', { precision: 18, scale: 6 }),
];
const accountFields = [field('Id', 'id'), field('Name', 'string'), field('BillingCountry', 'string'), field('IsDeleted', 'boolean'), field('SystemModstamp', 'datetime')];

const idOf = (prefix, index) => `${prefix}${String(index).padStart(15, '0')}`;
const opportunity = (index) => ({
  Id: idOf('006', index), Name: `Deal ${index}`, AccountId: idOf('001', Math.floor(index / 2) % 20), Amount: index % 10 === 0 ? null : index * 100.25, StageName: index % 2 === 0 ? 'Closed Won' : 'Prospecting',
  CloseDate: `2026-0${1 + (index % 9)}-15`, IsDeleted: index % 50 === 49, SystemModstamp: `2026-01-01T00:${String(index % 60).padStart(2, '0')}:00.000+0000`,
});
// Values that a CSV of Salesforce writes in a way of its own.
const notes = ['plain', null, 'a "quoted", one', 'line\nbreak\r\nand tab\t.', 'é 😀', '\\N', ' spaced '];
const deal = (index) => ({
  ...opportunity(index), Probability: index % 101, ExpectedRevenue: index % 10 === 0 ? null : index * 50.5, Seats__c: index, Notes__c: notes[index % notes.length], Call__c: '10:30:00.000Z', Share__c: index * 1e6 + 0.25,
});

// As people type countries.
const countries = ['Germany', ' germany', 'France', 'FRANCE ', 'Japan', null];
const account = (index) => ({ Id: idOf('001', index), Name: `Company ${index}`, BillingCountry: countries[index % countries.length], IsDeleted: false, SystemModstamp: '2026-01-01T00:00:00.000+0000' });

/** Deal__c is an Opportunity with fields of every kind. `without`: "Object.Field", as if the administrator had taken it away. `hidden`: objects that the user may not see. */
export function createObjects({ opportunities = 230, deals = 230, accounts = [], without = [], hidden = [] }) {
  const listed = (records) => ({ count: records.length, record: (index) => records[index] });
  const objects = {
    Opportunity: { fields: opportunityFields, count: opportunities, record: opportunity },
    Deal__c: { fields: [...opportunityFields, ...moreFields], count: deals, record: deal },
    Account: { fields: accountFields, ...listed([...Array.from({ length: 20 }, (_unused, index) => account(index)), ...accounts]) },
    // Exists, and cannot be read in bulk.
    Setting__x: { fields: accountFields, ...listed([account(0)]), bulk: false },
  };
  return Object.fromEntries(Object.entries(objects).filter(([name]) => !hidden.includes(name)).map(([name, object]) => [name, { ...object, fields: object.fields.filter((one) => !without.includes(`${name}.${one.name}`)) }]));
}

/** Only what Millrace writes: known fields or count(), one object, a window of SystemModstamp, a limit. */
export function select(text, all, objects) {
  const [, names, object, lower, upper, limit] = /^SELECT ([\w, ]+|count\(\)) FROM (\w+)(?: WHERE (?:SystemModstamp >= (\S+Z) AND )?SystemModstamp < (\S+Z))?(?: LIMIT (\d+))?$/.exec(text) ?? [];
  if (names === undefined) return { code: 'MALFORMED_QUERY' };
  if (!Object.hasOwn(objects, object)) return { code: 'INVALID_TYPE' };
  const { fields, count, record } = objects[object];
  const counting = names === 'count()';
  const wanted = counting ? [] : names.split(', ');
  const known = (name) => fields.some((one) => one.name === name && one.type !== 'address');
  if (!wanted.every(known) || new Set(wanted).size < wanted.length) return { code: 'INVALID_FIELD' };
  const [from, until] = [lower === undefined ? -Infinity : Date.parse(lower), upper === undefined ? Infinity : Date.parse(upper)];
  const found = [];
  for (let index = 0; index < count && found.length < Number(limit ?? Infinity); index += 1) {
    const { IsDeleted: deleted, SystemModstamp: stamp } = record(index);
    const at = from === -Infinity && until === Infinity ? 0 : Date.parse(stamp.replace('+0000', 'Z'));
    if ((all || !deleted) && at >= from && at < until) found.push(index);
  }
  return { object, counting, fields: fields.filter((one) => wanted.includes(one.name)), wanted, found, row: (index) => record(index), limited: limit !== undefined };
}
