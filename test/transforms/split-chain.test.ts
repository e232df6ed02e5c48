import { stepsOf } from '../support/chain';
import { splitOf } from '../../src/transforms/run-chain';

const whole = (yaml: string, partitionKey: readonly string[]): boolean => splitOf(stepsOf(yaml), [], partitionKey).wholeStream;

it.each([
  ['- deduplicate: { keys: [id] }', ['id'], false],
  ['- deduplicate: { keys: [id, day] }', ['id'], false],
  ['- deduplicate: { keys: [day] }', ['id'], true],
  ['- deduplicate: { keys: [id] }', [], true],
  ['- deduplicate: { keys: [day, id] }', ['day', 'id'], false],
  ['- trim: { columns: [name] }\n- filter: { where: "id > 0" }\n- deduplicate: { keys: [id] }', ['id'], false],
  ['- trim: { columns: "*" }\n- deduplicate: { keys: [id] }', ['id'], true],
  ['- cast: { columns: { id: INTEGER } }\n- deduplicate: { keys: [id] }', ['id'], true],
  ['- add: { columns: { id: "1" } }\n- deduplicate: { keys: [id] }', ['id'], true],
  ['- rename: { columns: { other: id } }\n- deduplicate: { keys: [id] }', ['id'], true],
  ['- sql: { query: "SELECT * FROM input" }\n- deduplicate: { keys: [id] }', ['id'], true],
  ['- window: { columns: { n: "row_number()" }, partition_by: [id] }', ['id'], true],
])('%s over partitions by %j needs the whole stream: %s', (yaml, partitionKey, expected) => expect(whole(yaml, partitionKey)).toBe(expected));
