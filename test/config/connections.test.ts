import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openConnections, parseConnections } from '../../src/config/connections';

const text = `warehouse:
  connector: postgres
  host: db.example
  port: \${env:TEST_PORT}
  database: warehouse
  user: loader
  password: \${file:password.txt}
plain: { connector: postgres, database: a, password: hunter2 }
url: { connector: postgres, url: "postgres://app:hunter2@db/a" }
misspelt: { connector: postgers }
wrong: { connector: postgres, databse: hunter2, port: hunter2 }
vault: { connector: postgres, database: a, password: "\${secret:x}" }
shapeless: { connector: postgres, url: "app:hunter2@db/a" }
`;
const connections = parseConnections(text, 'connections.yaml');
const messages = (name: string) => connections.problems(name).map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('connections', () => {
  it('are judged without looking at secrets', () => {
    expect(messages('warehouse')).toEqual([]);
  });

  it('have their problems told with place and suggestion', () => {
    expect(messages('misspelt')).toEqual(['10:24 unknown connector "postgers"; did you mean "postgres"?']);
    expect(messages('wrong')).toContainEqual(expect.stringMatching(/^11:31 connection "wrong": unknown word "databse"; did you mean "database"\?/));
    expect(messages('vault')).toEqual([expect.stringContaining('is not available yet')]);
  });

  it('never repeat a value, which may be a secret', () => {
    expect(messages('shapeless')).toEqual([expect.stringContaining('must begin with postgres:// or postgresql://')]);
    expect([...messages('wrong'), ...messages('shapeless'), ...messages('plain'), ...connections.warnings('plain').map(({ message }) => message)].join()).not.toContain('hunter2');
  });

  it('warn of a password that stands in the file', () => {
    expect(connections.warnings('plain')).toMatchObject([{ line: 8, column: 54 }]);
    expect(connections.warnings('url')).toMatchObject([{ line: 9 }]);
    expect(connections.warnings('warehouse')).toEqual([]);
  });

  it('tell a key in a header from an address of tokens', () => {
    const one = (auth: string, more = ''): number => parseConnections(`api: { connector: rest, url: "http://a.example", auth: ${auth}, ${more}streams: { r: { path: r } } }\n`, 'c.yaml').warnings('api').length;
    expect(one('{ type: oauth2, token_url: "http://a.example/t", client_id: me, client_secret: "${env:A}" }')).toBe(0);
    expect(one('{ type: header, name: X-Api-Key, value: "${env:A}" }')).toBe(0);
    expect(one('{ type: header, name: X-Api-Key, value: abc }')).toBe(1);
    expect(one('{ type: none }', 'headers: { Authorization: Bearer abc, X-Api-Key: abc }, ')).toBe(2);
  });

  it('name the kinds that there are, where a kind is misspelt or missing', () => {
    const problem = (stream: string): string => parseConnections(`api: { connector: rest, url: "http://a.example", streams: { r: { path: r, ${stream} } } }\n`, 'c.yaml').problems('api').map(({ message }) => message).join();
    expect(problem('pagination: { type: cursr }')).toContain('"type" must be one of none, page, offset, cursor, link, next_url');
    expect(problem('pagination: { param: page }')).toContain('"type" is missing; write one of none, page');
  });

  describe('on the worker', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'connections-'));
    const file = path.join(folder, 'connections.yaml');
    writeFileSync(file, text);
    writeFileSync(path.join(folder, 'password.txt'), 'from a file\n');
    afterEach(() => { delete process.env['TEST_PORT']; });

    it('have their references resolved, relative to their file', async () => {
      process.env['TEST_PORT'] = '5433';
      await expect(openConnections(file).resolve('warehouse')).resolves.toEqual({
        connector: 'postgres', config: { host: 'db.example', port: '5433', database: 'warehouse', user: 'loader', password: 'from a file' },
      });
    });

    it('name a variable that is missing', async () => {
      await expect(openConnections(file).resolve('warehouse')).rejects.toThrow('opening connection "warehouse": environment variable "TEST_PORT" is not set on the worker');
    });

    it('say who sets a variable of the examples', async () => {
      writeFileSync(path.join(folder, 'demo.yaml'), 'warehouse: { connector: postgres, url: "${env:MILLRACE_DEMO_POSTGRES}" }\n');
      await expect(openConnections(path.join(folder, 'demo.yaml')).resolve('warehouse')).rejects.toThrow('"MILLRACE_DEMO_POSTGRES" is not set on the worker; it is set by "npm run demo" and "millrace dev --postgres"');
    });

    it('judge again what a reference stood for, without repeating it', async () => {
      process.env['TEST_PORT'] = 'hunter2';
      await expect(openConnections(file).resolve('warehouse')).rejects.toThrow(/"port" is not right once its references are resolved/);
    });

    it('suggest the name that was meant', async () => {
      await expect(openConnections(file).resolve('warehuose')).rejects.toThrow('unknown connection "warehuose"; did you mean "warehouse"?');
    });
  });
});
