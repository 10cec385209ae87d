/** From settings to routes, with the pools they lead to. */
import type { RouteSettings } from '../config/route-settings.ts';
import type { Pool } from '../upstream/pool.ts';
import { redirector, responder } from './answers.ts';
import { fieldEdit, requestEdit } from './field-edit.ts';
import { normalizePath } from './path.ts';
import { type Answer, type Forward, type Route, Router } from './router.ts';

/** The router of these routes. `poolOf` answers the pool for what a route's `to` says. */
export function compileRoutes(routes: readonly RouteSettings[], poolOf: (to: readonly string[]) => Pool): Router {
  return new Router(routes.flatMap(route => compileRoute(route, poolOf)));
}

/** One per host. */
function compileRoute(settings: RouteSettings, poolOf: (to: readonly string[]) => Pool): Route[] {
  const { host: hosts = [''], path = null, prefix = '/', method, headers = {}, priority = 0 } = settings;
  const normalPrefix = normal(prefix);
  const action = actionOf(settings, normalPrefix, poolOf);
  const wanted = Object.entries(headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
  return hosts.map(host => ({
    host: host.toLowerCase().replace(/\.$/, ''),
    path: path === null ? null : normal(path),
    prefix: normalPrefix,
    methods: method === undefined ? null : new Set(method),
    headers: wanted.length === 0 ? null : wanted,
    priority,
    action,
    response: fieldEdit(settings.response),
  }));
}

/** Requests are matched by the one form of their path, so that is the form to compare with. */
function normal(path: string): string {
  return normalizePath(path) ?? path;
}

function actionOf(
  { to, redirect, respond, rewritePrefix, request }: RouteSettings,
  prefix: string,
  poolOf: (to: readonly string[]) => Pool,
): Forward | Answer {
  if (redirect !== undefined) return { kind: 'answer', make: redirector(redirect, prefix) };
  if (respond !== undefined) return { kind: 'answer', make: responder(respond) };
  return {
    kind: 'forward',
    pool: poolOf(to ?? []),
    rewritePrefix: rewritePrefix === undefined ? null : normal(rewritePrefix),
    request: requestEdit(request),
  };
}
