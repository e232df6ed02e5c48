import { ConfigurationError } from '../domain/errors';

/** A piece of text that has a name. `type` and `layout` (of DuckDB's strptime) say what a field made of it becomes. */
interface Pattern {
  /** RE2, without lookarounds and back references; `%{NAME}` and `%{NAME:field}` stand for other patterns. */
  readonly text: string;
  readonly type?: string;
  readonly layout?: readonly string[];
}

const months = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const days = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const of = (text: string, type?: string, ...layout: readonly string[]): Pattern => ({ text, ...(type && { type }), ...(layout.length > 0 && { layout }) });

/** Pieces. */
const pieces: Readonly<Record<string, Pattern>> = {
  WORD: of(String.raw`\w+`),
  NOTSPACE: of(String.raw`\S+`),
  SPACE: of(String.raw`\s*`),
  DATA: of('.*?'),
  GREEDYDATA: of('.*'),
  INT: of(String.raw`[+-]?\d+`, 'BIGINT'),
  POSINT: of(String.raw`\d+`, 'BIGINT'),
  NUMBER: of(String.raw`[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?`, 'DOUBLE'),
  BASE16NUM: of('(?:0[xX])?[0-9A-Fa-f]+'),
  /** Content of a quoted text; the quotes stand in the pattern around it. */
  QUOTED: of(String.raw`(?:[^"\\]|\\.)*`),
  QS: of(String.raw`"(?:[^"\\]|\\.)*"`),
  UUID: of('[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}'),
  MAC: of('(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}'),
  IPV4: of(String.raw`\d{1,3}(?:\.\d{1,3}){3}`),
  IPV6: of('[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?:%\\w+)?'),
  IP: of('(?:%{IPV4}|%{IPV6})'),
  HOSTNAME: of(String.raw`[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?`),
  IPORHOST: of('(?:%{IPV4}|%{IPV6}|%{HOSTNAME})'),
  HOSTPORT: of(String.raw`%{IPORHOST}:\d+`),
  USERNAME: of(String.raw`[^\s"]+`),
  USER: of('%{USERNAME}'),
  EMAIL: of(String.raw`[^\s@]+@[^\s@]+`),
  PATH: of(String.raw`(?:/[^\s]*|[A-Za-z]:\\[^\s]*)`),
  URI: of(String.raw`[A-Za-z][A-Za-z0-9+.-]*://\S+`),
  URIPATH: of(String.raw`/[^\s?#"]*`),
  URIPARAM: of(String.raw`\?[^\s"]*`),
  URIPATHPARAM: of('%{URIPATH}(?:%{URIPARAM})?'),
  LOGLEVEL: of('(?i:trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|emerg(?:ency)?|alert|fine|finer|finest|config)'),
  MONTH: of(months),
  DAY: of(days),
  YEAR: of(String.raw`\d{4}`, 'BIGINT'),
  TIME: of(String.raw`\d{2}:\d{2}:\d{2}(?:[.,]\d+)?`),
  DATE_ISO: of(String.raw`\d{4}-\d{2}-\d{2}`, 'DATE'),
  /** `17/May/2015:10:05:03 +0000`: an instant. */
  HTTPDATE: of(String.raw`\d{2}/${months}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}`, 'TIMESTAMP WITH TIME ZONE', '%d/%b/%Y:%H:%M:%S %z'),
  TIMESTAMP_ISO8601: of(String.raw`\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?`),
  /** The same with its zone: an instant. */
  INSTANT: of(String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})`, 'TIMESTAMP WITH TIME ZONE'),
  /** Without year and zone, so it stays text. */
  SYSLOGTIMESTAMP: of(String.raw`${months} [ \d]\d \d{2}:\d{2}:\d{2}`),
  NGINX_ERRORTIME: of(String.raw`\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}`, 'TIMESTAMP', '%Y/%m/%d %H:%M:%S'),
  APACHE_ERRORTIME: of(String.raw`${days} ${months} [ \d]\d \d{2}:\d{2}:\d{2}(?:\.\d{1,6})? \d{4}`, 'TIMESTAMP', '%a %b %d %H:%M:%S.%f %Y', '%a %b %d %H:%M:%S %Y'),
};

/** The request in an access log, taken apart where it is one; a client may send anything. */
const request = '"(?:%{WORD:method} (?:%{NOTREQUESTEND:request}?)(?: HTTP/%{HTTPVERSION:http_version})?|%{QUOTED:raw_request})"';
const aws = (name: string): string => `%{NOTSPACE:${name}}`;

/** Whole lines of well-known logs. */
const logs: Readonly<Record<string, Pattern>> = {
  HTTPVERSION: of(String.raw`\d(?:\.\d)?`),
  NOTREQUESTEND: of(String.raw`[^\s"]+`),
  APACHE_COMMON: of(`%{NOTSPACE:client} %{NOTSPACE:ident} %{NOTQUOTED:auth} \\[%{HTTPDATE:timestamp}\\] ${request} %{INT:status} (?:%{INT:bytes}|-)`),
  NOTQUOTED: of(String.raw`[^"\[]*?`),
  APACHE_COMBINED: of('%{APACHE_COMMON} "%{QUOTED:referrer}" "%{QUOTED:agent}"'),
  NGINX_ACCESS: of('%{APACHE_COMBINED}(?: "%{QUOTED:forwarded_for}")?'),
  APACHE_ERROR: of(String.raw`\[%{APACHE_ERRORTIME:timestamp}\] \[(?:%{WORD:module})?:?%{LOGLEVEL:level}\](?: \[pid %{POSINT:pid}(?::tid %{POSINT:tid})?\])?(?: \(%{POSINT:os_code}\)[^:]*:)?(?: \[client %{NOTBRACKET:client}\])?(?: %{ERRORCODE:code}:)? %{GREEDYDATA:message}`),
  NOTBRACKET: of(String.raw`[^\]]+`),
  ERRORCODE: of('AH\\d+'),
  NGINX_ERROR: of(String.raw`%{NGINX_ERRORTIME:timestamp} \[%{LOGLEVEL:level}\] %{POSINT:pid}#%{POSINT:tid}: (?:\*%{POSINT:connection} )?%{DATA:message}(?:, client: %{NOTCOMMA:client})?(?:, server: %{NOTCOMMA:server})?(?:, request: "%{QUOTED:request}")?(?:, upstream: "%{QUOTED:upstream}")?(?:, host: "%{QUOTED:host}")?(?:, referrer: "%{QUOTED:referrer}")?`),
  NOTCOMMA: of('[^,]*'),
  SYSLOG_RFC3164: of(String.raw`(?:<%{POSINT:priority}>)?%{SYSLOGTIMESTAMP:timestamp} %{NOTSPACE:host} %{PROGRAM:program}(?:\[%{POSINT:pid}\])?: ?%{GREEDYDATA:message}`),
  PROGRAM: of(String.raw`[^\s:\[]+`),
  SYSLOG_RFC5424: of(String.raw`<%{POSINT:priority}>%{POSINT:version} (?:-|%{INSTANT:timestamp}) %{NOTSPACE:host} %{NOTSPACE:program} %{NOTSPACE:process} %{NOTSPACE:message_id} (?:-|%{STRUCTURED:structured_data})(?: %{GREEDYDATA:message})?`),
  STRUCTURED: of(String.raw`(?:\[(?:[^\]\\]|\\.)*\])+`),
  ELB: of(`%{INSTANT:timestamp} ${aws('elb')} ${aws('client')} ${aws('backend')} ${['request_processing_time', 'backend_processing_time', 'response_processing_time'].map((name) => `%{NUMBER:${name}}`).join(' ')} (?:%{INT:elb_status}|-) (?:%{INT:backend_status}|-) %{INT:received_bytes} %{INT:sent_bytes} "%{QUOTED:request}"(?: "%{QUOTED:agent}" ${aws('ssl_cipher')} ${aws('ssl_protocol')})?`),
  ALB: of(`${aws('type')} %{INSTANT:timestamp} ${aws('elb')} ${aws('client')} ${aws('target')} ${['request_processing_time', 'target_processing_time', 'response_processing_time'].map((name) => `%{NUMBER:${name}}`).join(' ')} (?:%{INT:elb_status}|-) (?:%{INT:target_status}|-) %{INT:received_bytes} %{INT:sent_bytes} "%{QUOTED:request}" "%{QUOTED:agent}" ${aws('ssl_cipher')} ${aws('ssl_protocol')} ${aws('target_group')} "%{QUOTED:trace_id}"(?: "%{QUOTED:domain}" "%{QUOTED:certificate}" ${aws('rule_priority')} %{INSTANT:request_created} "%{QUOTED:actions}" "%{QUOTED:redirect_url}" "%{QUOTED:error_reason}"%{GREEDYDATA:rest})?`),
  CLOUDFRONT: of(['%{DATE_ISO:date}', '%{TIME:time}', ...['edge_location', 'sent_bytes', 'client', 'method', 'host', 'path', 'status', 'referrer', 'agent', 'query', 'cookie', 'result_type', 'request_id', 'host_header', 'protocol', 'received_bytes', 'time_taken', 'forwarded_for', 'ssl_protocol', 'ssl_cipher', 'response_result_type', 'protocol_version']
    .map((name) => (['sent_bytes', 'status', 'received_bytes'].includes(name) ? `(?:%{INT:${name}}|-)` : name === 'time_taken' ? `(?:%{NUMBER:${name}}|-)` : `%{NOTTAB:${name}}`))].join('\\t') + '(?:\\t%{GREEDYDATA:rest})?'),
  NOTTAB: of('[^\\t]*'),
  S3_ACCESS: of(`${aws('bucket_owner')} ${aws('bucket')} \\[%{HTTPDATE:timestamp}\\] ${aws('client')} ${aws('requester')} ${aws('request_id')} ${aws('operation')} ${aws('key')} (?:"%{QUOTED:request}"|-) (?:%{INT:status}|-) ${aws('error_code')} (?:%{INT:bytes}|-) (?:%{INT:object_size}|-) (?:%{INT:total_time}|-) (?:%{INT:turn_around_time}|-) (?:"%{QUOTED:referrer}"|-) (?:"%{QUOTED:agent}"|-) ${aws('version_id')}(?: %{GREEDYDATA:rest})?`),
  /** Timestamp, level, thread and class in the usual order; the message holds the stack trace that follows (multiline: java). */
  JAVA: of(String.raw`%{TIMESTAMP_ISO8601:timestamp}(?: \[%{NOTBRACKET:thread}\])?\s+%{LOGLEVEL:level}(?:\s+\[%{NOTBRACKET:thread}\])?\s+%{NOTSPACE:logger}?\s*(?:-|:)\s%{GREEDYDATA:message}`),
};

/** The well-known, by name. */
export const grokPatterns: Readonly<Record<string, Pattern>> = { ...pieces, ...logs };

export interface GrokField {
  readonly name: string;
  /** DuckDB type that the field's text is made. */
  readonly type: string;
  /** Layouts for strptime where the type's own does not read the text. */
  readonly layout: readonly string[] | null;
  /** Groups of the expression it may stand in: the first that is not empty has its text. */
  readonly groups: readonly string[];
}

export interface CompiledGrok {
  /** RE2 over a whole record, with line breaks. Group `whole` is never empty where the record matches. */
  readonly regex: string;
  /** All groups by their names, `whole` first, as regexp_extract wants them. */
  readonly groups: readonly string[];
  readonly fields: readonly GrokField[];
}

const reference = /%\{(\w+)(?::([A-Za-z_][\w.@-]*))?(?::(int|long|float|double|text))?\}/g;
const told: Readonly<Record<string, string>> = { int: 'BIGINT', long: 'BIGINT', float: 'DOUBLE', double: 'DOUBLE', text: 'VARCHAR' };
const deepest = 20;

/** `%{NAME:field:type}` patterns as one regular expression. The name of a pattern alone, also in lower case, stands for it. */
export function compileGrok(pattern: string, own: Readonly<Record<string, string>> = {}): CompiledGrok {
  const known: Readonly<Record<string, Pattern>> = { ...grokPatterns, ...Object.fromEntries(Object.entries(own).map(([name, text]) => [name, { text }])) };
  const fields = new Map<string, GrokField>();
  const groups = ['whole'];
  const groupOf = (name: string, found: Pattern, type: string | undefined): string => {
    const group = `g${groups.length}`;
    groups.push(group);
    const before = fields.get(name);
    fields.set(name, before ? { ...before, groups: [...before.groups, group] } : { name, type: type ? told[type]! : found.type ?? 'VARCHAR', layout: type ? null : found.layout ?? null, groups: [group] });
    return group;
  };
  const expand = (text: string, depth: number): string => {
    if (depth > deepest) throw new ConfigurationError('compiling a grok pattern: its patterns name each other in a circle; take that out');
    return text.replace(reference, (_whole, name: string, field: string | undefined, type: string | undefined) => {
      const found = known[name];
      if (!found) throw new ConfigurationError(`compiling a grok pattern: there is no pattern "${name}"; give it under "patterns", or use one of ${Object.keys(known).sort().join(', ')}`);
      const group = field === undefined ? null : groupOf(field, found, type);
      const inner = expand(found.text, depth + 1);
      return group === null ? `(?:${inner})` : `(?P<${group}>${inner})`;
    });
  };
  const alone = pattern.toUpperCase();
  const regex = expand(/^\w+$/.test(pattern) && known[alone] ? `%{${alone}}` : pattern, 0);
  if (fields.size === 0) throw new ConfigurationError('compiling a grok pattern: it names no field; write %{NAME:field} for what is wanted');
  return { regex: `(?s)^(?P<whole>${regex})$`, groups, fields: [...fields.values()] };
}
