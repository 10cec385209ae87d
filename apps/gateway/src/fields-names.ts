/** Field names by what the gateway does about them, and what a Connection field does to others. */

/** What to do with a field of a request. Anything from `ASSERTS` up is a claim about the client. */
export const FieldAction = {
  KEEP: 0,
  DROP: 1,
  CONNECTION: 2,
  TE: 3,
  COOKIE: 4,
  VIA: 5,
  ASSERTS: 6,
  ASSERTS_FOR: 7,
  ASSERTS_HOST: 8,
  ASSERTS_PROTO: 9,
  ASSERTS_PORT: 10,
  ASSERTS_FORWARDED: 11,
} as const;
/** One of `FieldAction`. */
export type FieldAction = (typeof FieldAction)[keyof typeof FieldAction];

const REQUEST_ACTIONS: ReadonlyMap<string, FieldAction> = new Map<string, FieldAction>([
  ['connection', FieldAction.CONNECTION],
  ['te', FieldAction.TE],
  ['cookie', FieldAction.COOKIE],
  ['via', FieldAction.VIA],
  ['x-forwarded-for', FieldAction.ASSERTS_FOR],
  ['x-forwarded-host', FieldAction.ASSERTS_HOST],
  ['x-forwarded-proto', FieldAction.ASSERTS_PROTO],
  ['x-forwarded-port', FieldAction.ASSERTS_PORT],
  ['forwarded', FieldAction.ASSERTS_FORWARDED],
  ['x-real-ip', FieldAction.ASSERTS],
  // Hop-by-hop, or made anew by the backend's leg from the validated message (D29).
  ['host', FieldAction.DROP],
  ['content-length', FieldAction.DROP],
  ['transfer-encoding', FieldAction.DROP],
  ['keep-alive', FieldAction.DROP],
  ['proxy-connection', FieldAction.DROP],
  ['proxy-authenticate', FieldAction.DROP],
  ['proxy-authorization', FieldAction.DROP],
  ['upgrade', FieldAction.DROP],
  ['http2-settings', FieldAction.DROP],
  // CGI programs would find it as HTTP_PROXY and send their own requests through it ("httpoxy", CVE-2016-5385).
  ['proxy', FieldAction.DROP],
]);

/** Names seen before, with their action; bounded, because clients choose names. */
const learned = new Map<string, FieldAction>();
const LEARNED_MAX = 2048;
const LEARNED_NAME_MAX = 64;

/** What to do with the field of a request that has this name (lower case). */
export function actionOf(name: string): FieldAction {
  return REQUEST_ACTIONS.get(name) ?? learned.get(name) ?? learn(name);
}

function learn(name: string): FieldAction {
  let action: FieldAction = FieldAction.KEEP;
  if (name.startsWith('x-forwarded-')) action = FieldAction.ASSERTS;
  else if (name.includes('_') || name.includes('.')) {
    // D26: many backends cannot tell x_forwarded_for from x-forwarded-for.
    const dashed = name.replaceAll('_', '-').replaceAll('.', '-');
    if (REQUEST_ACTIONS.has(dashed) || dashed.startsWith('x-forwarded-')) action = FieldAction.DROP;
  }
  if (learned.size < LEARNED_MAX && name.length <= LEARNED_NAME_MAX) learned.set(name, action);
  return action;
}

// RFC 9110 6.5.1: framing, routing, authentication, request modifiers and content description have no place in trailers.
const TRAILER_DROPS: ReadonlySet<string> = new Set([
  ...REQUEST_ACTIONS.keys(),
  'proxy-authentication-info',
  'authorization',
  'www-authenticate',
  'set-cookie',
  'trailer',
  'expect',
  'max-forwards',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'age',
  'cache-control',
  'expires',
  'date',
  'location',
  'retry-after',
  'vary',
  'content-encoding',
  'content-type',
  'content-range',
]);

/** Whether a field of this name may travel on in trailers (D20). */
export function isTrailer(name: string): boolean {
  return !TRAILER_DROPS.has(name) && actionOf(name) === FieldAction.KEEP;
}

/** Adds the names in a Connection field to those found before. */
export function addNames(names: string[] | null, value: string): string[] {
  const all = names ?? [];
  for (const part of value.split(',')) {
    const name = part.trim().toLowerCase();
    if (name !== '') all.push(name);
  }
  return all;
}

/** Takes the named fields out, in place, and answers the marks of what is left. */
export function removeNamed(
  fields: string[],
  sensitive: readonly number[] | null,
  named: readonly string[],
): number[] | null {
  const marks: number[] = [];
  let to = 0;
  for (let from = 0; from < fields.length; from += 2) {
    const name = fields[from]!;
    // `te: trailers` is ours to pass on although it is always named by Connection (RFC 9110 10.1.4).
    if (name !== 'te' && named.includes(name)) continue;
    if (sensitive?.includes(from)) marks.push(to);
    fields[to++] = name;
    fields[to++] = fields[from + 1]!;
  }
  fields.length = to;
  return marks.length === 0 ? null : marks;
}
