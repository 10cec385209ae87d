/** Which route a request takes, and what becomes of it without a backend. */
import { describe, expect, it } from 'vitest';
import type { RouteSettings } from '../src/config/route-settings.ts';
import { replacePrefix } from '../src/routing/answers.ts';
import { compileRoutes } from '../src/routing/compile.ts';
import type { Router } from '../src/routing/router.ts';
import { Pool } from '../src/upstream/pool.ts';
import { FakeBackend, open, request } from './exchange-fakes.ts';

const compile = (routes: readonly RouteSettings[]): Router =>
  compileRoutes(routes, to => Pool.of(to.join(), [new FakeBackend([], to.join())]));

/** The name of the pool that a request goes to. */
function find(
  router: Router,
  authority: string,
  path: string,
  over: Partial<Parameters<typeof request>[0]> = {},
): string | null {
  const route = router.match(request({ authority, ...over }), path);
  return route?.action.kind === 'forward' ? route.action.pool.name : null;
}

describe('host and prefix', () => {
  const router = compile([
    { to: ['any'] },
    { prefix: '/api', to: ['api'] },
    { prefix: '/api/v2', to: ['v2'] },
    { host: ['*.example.com'], to: ['wild'] },
    { host: ['*.deep.example.com'], to: ['deep'] },
    { host: ['www.example.com'], prefix: '/only', to: ['www'] },
  ]);

  it.each([
    ['other.test', '/', 'any'],
    ['other.test', '/apix', 'any'],
    ['other.test', '/api', 'api'],
    ['other.test', '/api?x', 'api'],
    ['other.test', '/api/v2/x', 'v2'],
    ['a.example.com:8443', '/api', 'wild'],
    ['A.EXAMPLE.COM', '/', 'wild'],
    ['a.example.com.', '/', 'wild'],
    ['a.b.example.com', '/', 'wild'],
    ['a.deep.example.com', '/', 'deep'],
    ['deep.example.com', '/', 'wild'],
    ['example.com', '/', 'any'],
    ['www.example.com', '/only/x', 'www'],
    ['www.example.com', '/', 'wild'],
    ['[::1]:80', '/', 'any'],
  ])('%s %s goes to %s', (authority, path, name) => {
    expect(find(router, authority, path)).toBe(name);
    // Once more, as what was found last is remembered.
    expect(find(router, authority, path)).toBe(name);
  });

  it('null when nothing covers the request', () => {
    expect(find(compile([{ host: ['a.test'], to: ['a'] }]), 'b.test', '/')).toBeNull();
  });
});

describe('the order of routes', () => {
  it('a greater priority comes before everything else', () => {
    const router = compile([
      { host: ['a.test'], path: '/x', to: ['exact'] },
      { to: ['first'], priority: 1 },
      { to: ['last'], priority: -1 },
    ]);
    expect(find(router, 'a.test', '/x')).toBe('first');
  });

  it('a whole path before a prefix; then the longer prefix; then more conditions; then the first', () => {
    const router = compile([
      { prefix: '/a', to: ['prefix'] },
      { prefix: '/a', method: ['POST'], to: ['method'] },
      { prefix: '/a', method: ['POST'], headers: { 'X-Beta': '1' }, to: ['header'] },
      { prefix: '/a', method: ['POST'], headers: { 'x-beta': '1' }, to: ['later'] },
      { path: '/a', to: ['path'] },
    ]);
    const beta = { method: 'POST', fields: ['x-beta', '1'] };
    expect(find(router, 'h', '/a?q')).toBe('path');
    expect(find(router, 'h', '/a/b')).toBe('prefix');
    expect(find(router, 'h', '/a/b', { method: 'POST' })).toBe('method');
    expect(find(router, 'h', '/a/b', beta)).toBe('header');
    expect(find(router, 'h', '/a/b', { method: 'POST', fields: ['x-beta', '2'] })).toBe('method');
  });

  it('* asks for a field with any value; with several hosts each counts', () => {
    const router = compile([{ host: ['a.test', '*.b.test'], headers: { 'x-a': '*' }, to: ['here'] }]);
    const fields = ['x-a', ''];
    expect(find(router, 'a.test', '/', { fields })).toBe('here');
    expect(find(router, 'x.b.test', '/', { fields })).toBe('here');
    expect(find(router, 'a.test', '/')).toBeNull();
    expect(find(router, 'c.test', '/', { fields })).toBeNull();
  });

  it('D25: routes are compared in the one form of their path', () => {
    const router = compile([{ path: '/%61dmin/./x', to: ['admin'] }]);
    expect(find(router, 'h', '/admin/x')).toBe('admin');
  });

  it.each([
    ['/admin', 'admin'],
    ['/admin;x', 'admin'],
    ['/admin;x=1/users?a;b', 'admin'],
    ['/;x/admin', 'admin'],
    ['/admin%2Fusers', 'admin'],
    ['/%2Fadmin', 'admin'],
    ['/admin%5Cusers', 'admin'],
    ['/a;x/b', 'ab'],
    ['/a;x%2Fb', 'ab'],
    ['/exact;v=1', 'exact'],
    ['/exact;v=1/more', 'any'],
    ['/administration;x', 'any'],
    ['/x;/admin', 'any'],
    ['/x?/admin;x', 'any'],
    ['/v;1', 'v1'],
  ])('D25: a route covers every reading of its path: %s goes to %s', (path, pool) => {
    const router = compile([
      { to: ['any'] },
      { prefix: '/admin', to: ['admin'] },
      { prefix: '/a/b', to: ['ab'] },
      { path: '/exact', to: ['exact'] },
      { path: '/v;1', to: ['v1'] },
    ]);
    expect(find(router, 'h', path)).toBe(pool);
  });
});

it.each([
  ['/api/x', '/api', '/v1', '/v1/x'],
  ['/api', '/api', '/v1', '/v1'],
  ['/api/', '/api', '/v1', '/v1/'],
  ['/api?q=/api', '/api', '/v1', '/v1?q=/api'],
  ['/api/x', '/api', '/', '/x'],
  ['/api', '/api', '/', '/'],
  ['/api/x', '/api/', '/v1/', '/v1/x'],
  ['/x', '/', '/app', '/app/x'],
  ['/', '/', '/app', '/app'],
])('%s with %s as %s is %s', (path, prefix, replacement, result) => {
  expect(replacePrefix(path, prefix, replacement)).toBe(result);
});

describe('what a route does', () => {
  const over = (routes: readonly RouteSettings[], message: Parameters<typeof open>[0]) => {
    const exchange = open(message, { routes });
    return { ...exchange, leg: exchange.backends[0]!.legs[0] };
  };

  it('rewrites the prefix of what is forwarded, and changes fields both ways', () => {
    const { leg, client } = over(
      [
        {
          prefix: '/api',
          to: ['a'],
          rewritePrefix: '/v2',
          request: { remove: ['X-Secret'], set: { 'X-Tenant': 'acme', accept: 'text/html' } },
          response: { remove: ['server'], set: { 'cache-control': 'no-store' } },
        },
      ],
      request({ path: '/api/%41?x', fields: ['x-secret', '1', 'accept', '*/*', 'x-kept', '2'], sensitive: [4] }),
    );
    expect(leg!.request.path).toBe('/v2/A?x');
    const { fields, sensitive } = leg!.request;
    expect(fields).not.toContain('x-secret');
    expect(fields.slice(-4)).toEqual(['x-tenant', 'acme', 'accept', 'text/html']);
    expect(sensitive!.map(at => fields[at])).toEqual(['x-kept']);
    leg!.assign();
    leg!.events.onResponse({ status: 200, fields: ['server', 'x', 'date', 'd'], sensitive: null }, true);
    expect(client.head!.fields).toEqual(['date', 'd', 'cache-control', 'no-store']);
  });

  it.each([
    ['/api/x;v=1', '/v2/x;v=1'],
    ['/api;v=1/x?q;r', '/v2/x?q;r'],
    ['/api%2Fx', '/v2/x'],
  ])('what is rewritten is the reading that the prefix covers: %s is forwarded as %s', (path, forwarded) => {
    const { leg } = over([{ prefix: '/api', to: ['a'], rewritePrefix: '/v2' }], request({ path }));
    expect(leg!.request.path).toBe(forwarded);
  });

  it('what is not rewritten is forwarded as it was asked for', () => {
    const { leg } = over([{ prefix: '/api', to: ['a'] }], request({ path: '/api;v=1/x%2Fy' }));
    expect(leg!.request.path).toBe('/api;v=1/x%2Fy');
  });

  it.each([
    [{ scheme: 'https' }, 'http', 'example.com:8080', '/a?b', 'https://example.com/a?b'],
    [{ scheme: 'https', port: 8443 }, 'http', 'example.com:8080', '/', 'https://example.com:8443/'],
    [{ host: 'www.example.com' }, 'https', 'example.com', '/x', 'https://www.example.com/x'],
    [{ path: '/new' }, 'https', 'example.com:444', '/old?q', 'https://example.com:444/new?q'],
    [{ prefix: '/new' }, 'https', '[::1]:444', '/old/x?q', 'https://[::1]:444/new/x?q'],
    [{ scheme: 'https' }, 'http', '[::1]', '//evil.test', 'https://[::1]/evil.test'],
  ] as const)('redirect %o', (redirect, scheme, authority, path, location) => {
    const routes = [
      { prefix: '/', redirect: { status: 307, ...redirect } },
      { prefix: '/old', redirect: { status: 307, ...redirect } },
    ];
    const { client, records } = over(routes, request({ scheme, authority, path }));
    expect(client.head!.status).toBe(307);
    expect(client.head!.fields.slice(0, 2)).toEqual(['location', location]);
    expect(records).toHaveLength(0);
    client.events.onFinished();
    expect(records[0]).toMatchObject({ status: 307, attempts: 0, backend: '', reason: null });
  });

  it('a fixed response has its length, and HEAD gets none of it', () => {
    const routes = [{ respond: { status: 410, body: 'gone\n', headers: { 'X-A': '1' } } }];
    const { client } = over(routes, request());
    expect(client.head).toMatchObject({ status: 410 });
    expect(client.head!.fields.slice(0, 6)).toEqual([
      'x-a',
      '1',
      'content-type',
      'text/plain; charset=utf-8',
      'content-length',
      '5',
    ]);
    expect(client.body).toBe('gone\n');
    expect(over(routes, request({ method: 'HEAD' })).client.body).toBe('');
  });

  it('a route that answers reads no body', () => {
    const { client, journal } = over([{ respond: { status: 200 } }], request({ method: 'POST', hasBody: true }));
    client.events.onBody(new Uint8Array(9), false);
    expect(journal).toContain('client.reset upload_stopped NO_ERROR');
    expect(journal).toContain('client.consumed 9');
  });
});

// RFC 9110 7.6.2
describe('Max-Forwards', () => {
  const send = (method: string, hops: string) =>
    open(request({ method, path: '/x', fields: ['max-forwards', hops, 'cookie', 'secret', 'user-agent', 'ua'] }));

  it('counts the hops of OPTIONS and TRACE, and of nothing else', () => {
    for (const method of ['OPTIONS', 'TRACE'])
      expect(send(method, '2').backend.leg.request.fields.slice(0, 2)).toEqual(['max-forwards', '1']);
    expect(send('GET', '0').backend.leg.request.fields.slice(0, 2)).toEqual(['max-forwards', '0']);
    expect(send('OPTIONS', 'many').backend.leg.request.fields.slice(0, 2)).toEqual(['max-forwards', 'many']);
  });

  it('with none left the gateway answers by itself, and shows no secrets', () => {
    const options = send('OPTIONS', '0');
    expect(options.backend.legs).toHaveLength(0);
    expect(options.client.head).toMatchObject({ status: 200 });
    const trace = send('TRACE', '0');
    expect(trace.backend.legs).toHaveLength(0);
    expect(trace.client.head!.fields.slice(0, 2)).toEqual(['content-type', 'message/http']);
    expect(trace.client.body).toBe(
      'TRACE /x HTTP/1.1\r\nhost: example.com\r\nmax-forwards: 0\r\nuser-agent: ua\r\n\r\n',
    );
  });
});
