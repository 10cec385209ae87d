/** The names a filter token can begin with: what may stand behind each, and how it is said in words. */
import { ERROR_NAMES, FLAGS, FRAME_NAMES, frameName } from '../vocabulary.ts';

/** What a token may ask about. */
export type FilterField =
  | 'type'
  | 'dir'
  | 'leg'
  | 'worker'
  | 'conn'
  | 'stream'
  | 'flag'
  | 'len'
  | 'err'
  | 'win'
  | 'age'
  | 'stalled'
  | 'method'
  | 'path'
  | 'status'
  | 'grpc.status'
  | 'header';

/** How it asks. The last three are for texts: begins with, ends with, contains. */
export type FilterOp = '=' | '!=' | '<' | '<=' | '>' | '>=' | '^=' | '$=' | '*=';

/** What the values of a field are: words that stand for numbers, numbers, or texts. */
export type FieldKind = 'word' | 'number' | 'text';

/** One name. */
export interface FieldSpec {
  readonly kind: FieldKind;
  /** What may stand behind the operator. */
  readonly hint: string;
  /** Words to offer while somebody types. */
  readonly words: readonly string[];
  /** Its answer may change as the stream goes on, or with time. */
  readonly volatile: boolean;
  /** The number a value stands for, null when it is none; texts are their own. */
  parse(value: string): number | null;
  /** In words. `values` are joined already. */
  say(op: FilterOp, values: string): string;
  name(value: number): string;
}

const OPS: Readonly<Record<FilterOp, string>> = {
  '=': '',
  '!=': 'not ',
  '<': 'below ',
  '<=': 'at most ',
  '>': 'above ',
  '>=': 'at least ',
  '^=': 'beginning with ',
  '$=': 'ending with ',
  '*=': 'containing ',
};

const TYPE_NUMBERS = new Map(Object.entries(FRAME_NAMES).map(([type, name]) => [name, Number(type)]));
/** In the order of `Blocked`, from 1; 0: any of them. */
const STALLS = ['any', 'conn', 'stream', 'transport'] as const;

function lookup(names: readonly string[]): (value: string) => number | null {
  return value => {
    const at = names.indexOf(value.toUpperCase());
    return at < 0 ? null : at;
  };
}

function oneOf(pairs: readonly (readonly [word: string, value: number])[]): (value: string) => number | null {
  const known = new Map(pairs);
  return value => known.get(value.toLowerCase()) ?? null;
}

function hexByte(value: string): number | null {
  return /^0x[0-9a-f]{1,2}$/i.test(value) ? Number.parseInt(value.slice(2), 16) : null;
}

function whole(value: string): number | null {
  return /^-?\d{1,10}$/.test(value) ? Number(value) : null;
}

/** `5s`, `250ms`, `2m`, `1h`, in microseconds. */
function duration(value: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(us|ms|s|m|h)$/.exec(value);
  if (match === null) return null;
  const unit = { us: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6 }[match[2] as 'us' | 'ms' | 's' | 'm' | 'h'];
  return Number(match[1]) * unit;
}

function sayDuration(us: number): string {
  if (us >= 1e6) return `${us / 1e6} s`;
  return us >= 1e3 ? `${us / 1e3} ms` : `${us} us`;
}

function field(spec: Partial<FieldSpec> & Pick<FieldSpec, 'kind' | 'hint' | 'say'>): FieldSpec {
  return { words: [], volatile: false, parse: whole, name: String, ...spec };
}

function text(hint: string, noun: string, words: readonly string[] = []): FieldSpec {
  return field({ kind: 'text', hint, words, volatile: true, say: (op, values) => `${noun} ${OPS[op]}${values}` });
}

/** Every name, in the order in which they are explained. */
export const FIELDS: Readonly<Record<FilterField, FieldSpec>> = {
  type: field({
    kind: 'word',
    hint: 'a frame type such as DATA or WINDOW_UPDATE',
    words: Object.values(FRAME_NAMES),
    parse: value => TYPE_NUMBERS.get(value.toUpperCase()) ?? hexByte(value),
    say: (op, values) => `${OPS[op]}${values} frames`,
    name: frameName,
  }),
  dir: field({
    kind: 'word',
    hint: 'in (received by the gateway) or out (sent by it)',
    words: ['in', 'out'],
    parse: oneOf([
      ['in', 0],
      ['out', 1],
    ]),
    say: (op, values) => `${OPS[op]}${values}`,
    name: value => (value === 0 ? 'received by the gateway' : 'sent by the gateway'),
  }),
  leg: field({
    kind: 'word',
    hint: 'client or backend',
    words: ['client', 'backend'],
    parse: oneOf([
      ['client', 0],
      ['down', 0],
      ['backend', 1],
      ['up', 1],
    ]),
    say: (op, values) => `${OPS[op]}on the ${values} leg`,
    name: value => (value === 0 ? 'client' : 'backend'),
  }),
  worker: field({
    kind: 'number',
    hint: 'a worker process of --workers, from 1; 0 where there is only one process',
    // It is said in the row of the connection, which may come after its first frames.
    volatile: true,
    say: (op, values) => `${op === '!=' ? 'not ' : ''}of worker ${op === '!=' ? '' : OPS[op]}${values}`,
  }),
  conn: field({
    kind: 'number',
    hint: 'a connection number',
    say: (op, values) => `${op === '!=' ? 'not ' : ''}on connection ${op === '!=' ? '' : OPS[op]}${values}`,
  }),
  stream: field({
    kind: 'number',
    hint: 'a stream identifier, 0 for the connection itself',
    say: (op, values) => `${op === '!=' ? 'not ' : ''}on stream ${op === '!=' ? '' : OPS[op]}${values}`,
  }),
  flag: field({
    kind: 'word',
    hint: FLAGS.map(flag => flag.name).join(', '),
    words: FLAGS.map(flag => flag.name),
    parse: lookup(FLAGS.map(flag => flag.name)),
    say: (op, values) => `${op === '!=' ? 'without' : 'with'} ${values}`,
    name: value => FLAGS[value]?.name ?? '',
  }),
  len: field({
    kind: 'number',
    hint: 'a payload length in octets',
    say: (op, values) => `${OPS[op]}${values} octets long`,
  }),
  err: field({
    kind: 'word',
    hint: 'an error code such as CANCEL',
    words: ERROR_NAMES,
    parse: value => lookup(ERROR_NAMES)(value) ?? hexByte(value),
    say: (op, values) => `${op === '!=' ? 'without' : 'with'} error ${values}`,
    name: value => ERROR_NAMES[value] ?? `0x${value.toString(16)}`,
  }),
  win: field({
    kind: 'number',
    hint: 'the window after the frame: the stream’s, on stream 0 the connection’s',
    say: (op, values) => `leaving a window of ${OPS[op]}${values}`,
  }),
  age: field({
    kind: 'number',
    hint: 'a time such as 5s, 250ms or 2m',
    volatile: true,
    parse: duration,
    say: (op, values) => `${OPS[op]}${values} ago`,
    name: sayDuration,
  }),
  stalled: field({
    kind: 'word',
    hint: 'conn, stream, transport or any: what the stream waits for now',
    words: [...STALLS],
    volatile: true,
    parse: oneOf(STALLS.map((word, at) => [word, at])),
    say: (op, values) => `on a stream that ${op === '!=' ? 'does not wait' : 'waits'} for ${values}`,
    name: value => ['anything', 'the connection’s window', 'its own window', 'the transport'][value] ?? '',
  }),
  method: text('a method such as POST', 'method', ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
  path: text('a path; ^= begins, $= ends, *= contains', 'path'),
  status: field({
    kind: 'number',
    hint: 'a response status such as 503',
    volatile: true,
    say: (op, values) => `status ${OPS[op]}${values}`,
  }),
  'grpc.status': field({
    kind: 'number',
    hint: 'a gRPC status, 0 is OK',
    volatile: true,
    say: (op, values) => `gRPC status ${OPS[op]}${values}`,
  }),
  header: text('header[name] and a value, in either direction', 'header'),
};

/** The names, in the order in which they are explained. */
export const FILTER_FIELDS: readonly FilterField[] = Object.keys(FIELDS) as FilterField[];

/** What may stand behind the operator of this field. */
export function fieldHint(name: FilterField): string {
  return FIELDS[name].hint;
}

/** Whether this is a name. */
export function isField(name: string): name is FilterField {
  return Object.hasOwn(FIELDS, name);
}
