import { map } from './map-shape.ts';
import { PATH } from './pool-settings.ts';
import { dictionary, field, list, oneOf, type Shape, text, whole } from './shape.ts';

/** An answer that sends the client elsewhere. What is not given stays as the client asked. */
export interface RedirectSettings {
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  /** 0 means the scheme's own. */
  readonly port?: number;
  /** The whole new path; the query stays. */
  readonly path?: string;
  /** Takes the place of the route's `prefix`. */
  readonly prefix?: string;
  /** Default 308. */
  readonly status: number;
}

/** An answer of the gateway's own. */
export interface FixedResponseSettings {
  /** Range 200..599. Default 200. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Changes of fields, in this order: remove, then set (which takes the place of what is there). */
export interface FieldChanges {
  readonly remove?: readonly string[];
  readonly set?: Readonly<Record<string, string>>;
}

/** Which requests, and what becomes of them: exactly one of `to`, `redirect` and `respond`. */
export interface RouteSettings {
  /** Exact hosts or `*.example.com`. Absent: any. */
  readonly host?: readonly string[];
  /** The whole path, without query. */
  readonly path?: string;
  /** A path prefix ending at a segment boundary: `/api` covers `/api` and `/api/x`, not `/apix`. */
  readonly prefix?: string;
  readonly method?: readonly string[];
  /** Fields that must be there with this value; `*`: with any. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Greater first. Default 0. */
  readonly priority?: number;

  /** Name of a pool, or URLs of backends taken in turns. */
  readonly to?: readonly string[];
  readonly redirect?: RedirectSettings;
  readonly respond?: FixedResponseSettings;

  /** Takes the place of `prefix` in the path that is forwarded. */
  readonly rewritePrefix?: string;
  /** Changes of the request's fields. */
  readonly request?: FieldChanges;
  /** Changes of the response's fields. */
  readonly response?: FieldChanges;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HOST =
  /^(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.?$|^\[[0-9A-Fa-f:.]+\]$/;
// Nothing that could end a field line (RFC 9110 5.5).
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields that frame messages or belong to one connection: no rule may touch them. */
const UNTOUCHABLE = new Set(
  'connection content-length host http2-settings keep-alive proxy-connection te trailer transfer-encoding upgrade via'.split(
    ' ',
  ),
);

const NAME = { expected: 'field names', pattern: TOKEN };
const FIELD_VALUE: Shape<string> = {
  schema: { type: 'string', pattern: '^[\\t -~\\u0080-\\u00ff]*$' },
  read: (source, path, problems) => {
    const value = source.kind === 'scalar' ? source.value : null;
    const written = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    if (typeof written === 'string' && VALUE.test(written) && written === written.trim()) return written;
    return problems.expected(source, path, 'a field value (visible ASCII, no line break, no space around it)');
  },
  write: value => value,
};

const CHANGEABLE: Shape<string> = text('a field name', {
  pattern: TOKEN,
  check: name => (UNTOUCHABLE.has(name.toLowerCase()) ? `${name} is the gateway's own to set or remove` : null),
});

const CHANGES: Shape<FieldChanges> = map<FieldChanges>(
  {
    remove: field('Fields to leave out', list(CHANGEABLE)),
    set: field('Fields to set, in place of those there', dictionary(FIELD_VALUE, NAME)),
  },
  {},
  ({ set = {} }) => {
    const bad = Object.keys(set).find(name => UNTOUCHABLE.has(name.toLowerCase()));
    return bad === undefined ? null : `${bad} is the gateway's own to set`;
  },
);

const REDIRECT: Shape<RedirectSettings> = map<RedirectSettings>(
  {
    scheme: field('http or https', oneOf<'http' | 'https'>(['http', 'https'])),
    host: field('Another host', text('a host name', { pattern: HOST })),
    port: field("Another port; 0: the scheme's own", whole(0, 65_535)),
    path: field('The whole new path; the query stays', PATH),
    prefix: field("Takes the place of the route's prefix", PATH),
    status: field('301, 302, 303, 307 or 308', whole(301, 308)),
  },
  { status: 308 },
  ({ status, path, prefix }) =>
    ![301, 302, 303, 307, 308].includes(status)
      ? `${status} is no redirect: 301, 302, 303, 307 or 308`
      : path !== undefined && prefix !== undefined
        ? '"path" and "prefix" exclude each other'
        : null,
);

const RESPOND: Shape<FixedResponseSettings> = map<FixedResponseSettings>(
  {
    status: field('The status', whole(200, 599)),
    headers: field('The fields', dictionary(FIELD_VALUE, NAME)),
    body: field('The content, UTF-8', text('a text')),
  },
  { status: 200 },
  ({ headers = {}, status, body }) => {
    const bad = Object.keys(headers).find(name => UNTOUCHABLE.has(name.toLowerCase()));
    if (bad !== undefined) return `${bad} is the gateway's own to set`;
    return body !== undefined && (status === 204 || status === 304) ? `a ${status} has no body` : null;
  },
);

const HOSTS: Shape<readonly string[]> = list(
  text('a host such as example.com or *.example.com, without port', { pattern: HOST }),
);

const POOLS_OR_URLS: Shape<readonly string[]> = list(text('the name of a pool, or the URL of a backend'));

/** One route. */
export const ROUTE: Shape<RouteSettings> = map<RouteSettings>(
  {
    host: field('Exact hosts or *.example.com; without: any', HOSTS),
    path: field('The whole path', PATH),
    prefix: field('A path prefix that ends at a segment boundary', PATH),
    method: field('Methods; without: any', list(text('a method', { pattern: TOKEN }))),
    headers: field('Fields that must be there with this value; *: with any', dictionary(FIELD_VALUE, NAME)),
    priority: field('Greater first', whole(-1_000_000, 1_000_000)),
    to: field('Name of a pool, or URLs of backends taken in turns', POOLS_OR_URLS),
    redirect: field('Sends the client elsewhere', REDIRECT),
    respond: field("An answer of the gateway's own", RESPOND),
    rewritePrefix: field('Takes the place of prefix in the path that is forwarded', PATH),
    request: field("Changes of the request's fields", CHANGES),
    response: field("Changes of the response's fields", CHANGES),
  },
  {},
  wrongRoute,
);

function wrongRoute(route: RouteSettings): string | null {
  const { path, prefix, to, redirect, respond, rewritePrefix } = route;
  const actions = [to, redirect, respond].filter(action => action !== undefined).length;
  if (actions !== 1) return 'a route has exactly one of "to", "redirect" and "respond"';
  if (path !== undefined && prefix !== undefined) return '"path" and "prefix" exclude each other';
  if (path?.includes('?')) return '"path" is matched without the query';
  if (prefix?.includes('?')) return '"prefix" is matched without the query';
  if (rewritePrefix !== undefined && (prefix === undefined || to === undefined)) {
    return '"rewritePrefix" needs "prefix" and "to"';
  }
  if (redirect?.prefix !== undefined && prefix === undefined) return '"redirect.prefix" needs "prefix"';
  if (to?.length === 0) return '"to" is empty';
  if (route.request !== undefined && to === undefined) return '"request" needs "to"';
  return null;
}
