/**
 * Which route a request takes. Routes are sorted once, and once for each host that is named: matching is a walk over the few
 * that can apply.
 */
import type { RequestMessage } from '../exchange/legs.ts';
import type { OwnResponse } from '../exchange/own-response.ts';
import type { Pool } from '../upstream/pool.ts';
import type { FieldEdit } from './field-edit.ts';
import { otherReading } from './path.ts';

/** Sends requests to a pool. */
export interface Forward {
  readonly kind: 'forward';
  readonly pool: Pool;
  /** Takes the place of the route's prefix; null: the path stays. */
  readonly rewritePrefix: string | null;
  readonly request: FieldEdit | null;
}

/** Answers by itself. */
export interface Answer {
  readonly kind: 'answer';
  /** `path` is normalised. */
  readonly make: (request: RequestMessage, path: string) => OwnResponse;
}

/** Requests of this kind take this way. */
export interface Route {
  /** Exact host without port, `*.example.com` for its subdomains, empty for any. Lower case. */
  readonly host: string;
  /** The whole path without query, normalised; null: `prefix` decides. */
  readonly path: string | null;
  /** Path prefix ending at a segment boundary: `/api` covers `/api` and `/api/x`, not `/apix`. `/` covers all. */
  readonly prefix: string;
  /** Null: any. */
  readonly methods: ReadonlySet<string> | null;
  /** Flat list of names (lower case) and values that must be there, `*` for any; null: none. */
  readonly headers: readonly string[] | null;
  /** Greater first. */
  readonly priority: number;
  readonly action: Forward | Answer;
  readonly response: FieldEdit | null;
}

/** What is matched; a request has more. */
export type Matched = Pick<RequestMessage, 'method' | 'authority' | 'fields'>;

/**
 * Finds the route: the greatest priority; then an exact host before a wildcard before any; then a whole path before the
 * longest prefix; then the most conditions; then the first configured.
 */
export class Router {
  readonly routes: readonly Route[];
  /** By exact host: the routes that can apply to it. */
  readonly #byHost = new Map<string, readonly Route[]>();
  /** By wildcard, without its star: the routes that can apply to hosts whose longest wildcard it is. */
  readonly #byWildcard = new Map<string, readonly Route[]>();
  readonly #forAny: readonly Route[];
  /** Nearly all requests in a row are for the same authority. */
  #lastAuthority = '';
  #lastRoutes: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.routes = [...routes].sort(
      (a, b) =>
        b.priority - a.priority ||
        hostRank(b.host) - hostRank(a.host) ||
        pathRank(b) - pathRank(a) ||
        conditions(b) - conditions(a),
    );
    this.#forAny = this.routes.filter(({ host }) => host === '');
    for (const { host } of this.routes) {
      if (host === '') continue;
      const isWildcard = host.startsWith('*.');
      // A name below the wildcard, that no other route names.
      const example = isWildcard ? `*${host.slice(1)}` : host;
      const table = isWildcard ? this.#byWildcard : this.#byHost;
      table.set(
        isWildcard ? host.slice(1) : host,
        this.routes.filter(route => hostCovers(route.host, example)),
      );
    }
    this.#lastRoutes = this.#routesFor('');
  }

  /** `path` as `normalizePath` answered it; what it could be read as otherwise is covered, too. Null: no route. */
  match(request: Matched, path: string): Route | null {
    const { authority } = request;
    if (authority !== this.#lastAuthority) {
      this.#lastRoutes = this.#routesFor(authority);
      this.#lastAuthority = authority;
    }
    const routes = this.#lastRoutes;
    const other = otherReading(path);
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i]!;
      if (!covers(route, path) && (other === null || !covers(route, other))) continue;
      if (route.methods !== null && !route.methods.has(request.method)) continue;
      if (route.headers !== null && !hasFields(request.fields, route.headers)) continue;
      return route;
    }
    return null;
  }

  #routesFor(authority: string): readonly Route[] {
    const host = hostOf(authority);
    const exact = this.#byHost.get(host);
    if (exact !== undefined) return exact;
    if (this.#byWildcard.size === 0) return this.#forAny;
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const found = this.#byWildcard.get(host.slice(dot));
      if (found !== undefined) return found;
    }
    return this.#forAny;
  }
}

/** The host of an authority, as routes name it. */
function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  const name = (colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority).toLowerCase();
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

/** Longer wildcards are more exact. */
function hostRank(host: string): number {
  return host === '' ? 0 : host.startsWith('*.') ? host.length : 1000;
}

function pathRank({ path, prefix }: Route): number {
  return path === null ? prefix.length : 100_000;
}

function conditions({ methods, headers }: Route): number {
  return (methods === null ? 0 : 1) + (headers === null ? 0 : headers.length);
}

function hostCovers(host: string, name: string): boolean {
  if (host === '') return true;
  return host.startsWith('*.') ? name.length >= host.length && name.endsWith(host.slice(1)) : name === host;
}

/** The reading of the path by which the route covers it: what takes the place of a prefix must begin where that ends. */
export function coveredReading(route: Pick<Route, 'path' | 'prefix'>, path: string): string {
  return covers(route, path) ? path : (otherReading(path) ?? path);
}

function covers({ path: whole, prefix }: Pick<Route, 'path' | 'prefix'>, path: string): boolean {
  return whole === null ? prefixCovers(prefix, path) : isPath(whole, path);
}

function prefixCovers(prefix: string, path: string): boolean {
  if (prefix === '/') return true;
  if (!path.startsWith(prefix)) return false;
  if (path.length === prefix.length || prefix.endsWith('/')) return true;
  const next = path.charCodeAt(prefix.length);
  return next === SLASH || next === QUESTION;
}

function isPath(wanted: string, path: string): boolean {
  if (!path.startsWith(wanted)) return false;
  return path.length === wanted.length || path.charCodeAt(wanted.length) === QUESTION;
}

function hasFields(fields: readonly string[], wanted: readonly string[]): boolean {
  for (let i = 0; i < wanted.length; i += 2) if (!hasOne(fields, wanted[i]!, wanted[i + 1]!)) return false;
  return true;
}

function hasOne(fields: readonly string[], name: string, value: string): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === name && (value === '*' || fields[i + 1] === value)) return true;
  }
  return false;
}

const SLASH = 0x2f;
const QUESTION = 0x3f;
