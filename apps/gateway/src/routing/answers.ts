/** What routes answer without a backend: redirects and fixed responses. */
import type { FixedResponseSettings, RedirectSettings } from '../config/route-settings.ts';
import type { RequestMessage } from '../exchange/legs.ts';
import type { OwnResponse } from '../exchange/own-response.ts';
import { httpDate } from '../fields-response.ts';

const encoder = new TextEncoder();

/** Answers with Location (RFC 9110 15.4): where the request went, with what `settings` names put in its place. */
export function redirector(
  settings: RedirectSettings,
  prefix: string,
): (request: RequestMessage, path: string) => OwnResponse {
  const { status, scheme, host, port } = settings;
  return (request, path) => {
    const newScheme = scheme ?? request.scheme;
    const query = path.indexOf('?');
    const colon = portAt(request.authority);
    const newHost = host ?? (colon === -1 ? request.authority : request.authority.slice(0, colon));
    // The client's port belongs to its scheme and host.
    const keepsPort = port === undefined && scheme === undefined && host === undefined && colon !== -1;
    const suffix = keepsPort ? request.authority.slice(colon) : port === undefined || port === 0 ? '' : `:${port}`;
    let newPath = path === '*' ? '/' : path;
    if (settings.path !== undefined) newPath = settings.path + (query === -1 ? '' : path.slice(query));
    else if (settings.prefix !== undefined) newPath = replacePrefix(path, prefix, settings.prefix);
    return own(request, status, ['location', `${newScheme}://${newHost}${suffix}${newPath}`], '');
  };
}

/** Answers the same to everybody. */
export function responder(settings: FixedResponseSettings): (request: RequestMessage) => OwnResponse {
  const fields = Object.entries(settings.headers ?? {}).flatMap(([name, value]) => [name.toLowerCase(), value]);
  const body = settings.body ?? '';
  if (body !== '' && !fields.some((name, index) => index % 2 === 0 && name === 'content-type')) {
    fields.push('content-type', 'text/plain; charset=utf-8');
  }
  return request => own(request, settings.status, fields, body);
}

function own(request: RequestMessage, status: number, fields: readonly string[], text: string): OwnResponse {
  const body = encoder.encode(text);
  const framed = status === 204 || status === 304 ? fields : [...fields, 'content-length', String(body.length)];
  return {
    status,
    fields: [...framed, 'date', httpDate()],
    body: request.method === 'HEAD' || body.length === 0 ? null : body,
  };
}

function portAt(authority: string): number {
  const colon = authority.lastIndexOf(':');
  return colon > authority.lastIndexOf(']') ? colon : -1;
}

/** `path`, which `prefix` covers, with another prefix; there is exactly one slash where they meet. */
export function replacePrefix(path: string, prefix: string, replacement: string): string {
  const rest = path.slice(prefix.length);
  const base = replacement.endsWith('/') ? replacement.slice(0, -1) : replacement;
  if (rest === '' || rest.startsWith('?')) {
    // `/old` and `/old/` are different resources, and stay so.
    return (prefix.endsWith('/') && prefix !== '/' ? `${base}/` : base || '/') + rest;
  }
  return `${base}${rest.startsWith('/') ? '' : '/'}${rest}`;
}
