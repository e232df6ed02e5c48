import { SourceHeldError, SourceThrottledError, SourceUnavailableError, type Facts } from '../../domain/errors';
import { judgeAnswer, waitOf, type Answer } from '../rest/rules';

/** A daily limit is a rolling one: some of it comes back all the time. */
export const quarterHour = 900_000;

type Verdict = { readonly then: 'wait' | 'again' } | { readonly then: 'hold'; readonly remedy: string };
const hold = (remedy: string): Verdict => ({ then: 'hold', remedy });

/** What Salesforce says in `errorCode`, and what comes of it. */
const verdicts: Readonly<Record<string, Verdict>> = {
  REQUEST_LIMIT_EXCEEDED: { then: 'wait' }, LIMIT_EXCEEDED: { then: 'wait' }, TXN_SECURITY_METERING_ERROR: { then: 'wait' },
  SERVER_UNAVAILABLE: { then: 'again' }, QUERY_TIMEOUT: { then: 'again' }, UNABLE_TO_LOCK_ROW: { then: 'again' }, UNKNOWN_EXCEPTION: { then: 'again' },
  INVALID_SESSION_ID: hold('the user of the connection may lack "API Enabled", or the session was ended: correct that'),
  API_DISABLED_FOR_ORG: hold('the API is not enabled for this org or user: enable it'),
  API_CURRENTLY_DISABLED: hold('the API is not enabled for this user: give it "API Enabled"'),
  INVALID_TYPE: hold('the object is not there, or the user of the connection may not read it: correct its name or grant "Read"'),
  NOT_FOUND: hold('the object is not there, or the user of the connection may not read it: correct its name or grant "Read"'),
  INSUFFICIENT_ACCESS: hold('grant the user of the connection "Read" on the object'),
  INSUFFICIENT_ACCESS_OR_READONLY: hold('grant the user of the connection "Read" on the object'),
  MALFORMED_QUERY: hold('the object cannot be read whole: some take only queries with a filter; leave it out'),
  INVALID_FIELD: hold('a field is not there, or the user of the connection may not see it'),
  INVALID_QUERY_LOCATOR: hold('the result is no longer there (Salesforce keeps it for about two days); read it again from the start with "millrace retry RUN STREAM PARTITION --reread"'),
  INVALID_LOCATOR: hold('the result page is not there; read it again from the start with "millrace retry RUN STREAM PARTITION --reread"'),
  INVALIDENTITY: hold('the object cannot be read in bulk; set "api: rest" in the connection, cancel this run and run it again'),
  API_ERROR: hold('the query cannot be run in bulk; set "api: rest" in the connection, cancel this run and run it again'),
  VERSION_MISMATCH: hold('the job was made with another version of the API; put "api_version" of the connection back'),
};

const unknown = hold('look it up in Salesforce\'s documentation; the object may not be one that can be queried');

/** Whether an answer is a page; throws the error that says what to do where it is not. Only answers that refuse are looked into. */
export async function judgeSalesforce(answer: Answer): Promise<'page' | 'nothing'> {
  const code = answer.status >= 400 ? await answer.member('0.errorCode') : null;
  const verdict = code !== null && Object.hasOwn(verdicts, code) ? verdicts[code]! : answer.status === 400 && /^[A-Z_]+$/.test(code ?? '') ? unknown : null;
  if (code === null || verdict === null) return await judgeAnswer({ errors: [] }, answer);
  const what = `reading "${answer.where}": Salesforce answered ${code}`;
  const facts: Facts = { status: answer.status, code };
  switch (verdict.then) {
    case 'wait': throw new SourceThrottledError(`${what}: the day's requests are used up; the run goes on by itself`, waitOf(answer.headers) ?? quarterHour);
    case 'again': throw new SourceUnavailableError(`${what}; the run goes on by itself${code === 'QUERY_TIMEOUT' ? ' ("api: bulk" in the connection may help)' : ''}`, facts);
    case 'hold': throw new SourceHeldError(`${what}: ${verdict.remedy}, then "millrace resume RUN"`, facts);
  }
}

/** Salesforce's code, of an error that carries it. */
export const codeOf = (error: unknown): string | null => {
  const { facts } = error as { facts?: Facts };
  return typeof facts?.['code'] === 'string' ? facts['code'] : null;
};
