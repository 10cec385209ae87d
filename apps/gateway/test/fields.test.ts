import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientFacts } from '../src/exchange/legs.ts';
import { type ForwardPolicy, forwardRequest, forwardRequestTrailers } from '../src/fields.ts';
import { forwardResponse, forwardTrailers, httpDate } from '../src/fields-response.ts';
import { FACTS, request } from './exchange-fakes.ts';

const STRANGERS: ForwardPolicy = { pseudonym: 'gw-1', isTrusted: () => false };
const TRUSTED: ForwardPolicy = { pseudonym: 'gw-1', isTrusted: address => address === FACTS.address };
const ADDED = ['via', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'forwarded'];

function forward(
  fields: string[],
  over: { policy?: ForwardPolicy; facts?: Partial<ClientFacts>; sensitive?: number[] } = {},
) {
  const message = request({ fields, sensitive: over.sensitive ?? null });
  return forwardRequest(message, { ...FACTS, ...over.facts }, over.policy ?? STRANGERS);
}

/** The fields that came from the client. */
function kept(fields: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < fields.length; i += 2) if (!ADDED.includes(fields[i]!)) out.push(fields[i]!, fields[i + 1]!);
  return out;
}

function theField(fields: readonly string[], name: string): string | undefined {
  const values = fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === name);
  expect(values.length).toBeLessThanOrEqual(1);
  return values[0];
}

describe('request fields', () => {
  it('RFC 9110 7.6.1: hop-by-hop fields end at the gateway', () => {
    const { fields } = forward([
      'accept',
      '*/*',
      'keep-alive',
      'timeout=5',
      'proxy-connection',
      'keep-alive',
      'upgrade',
      'h2c',
      'http2-settings',
      'AAMAAABk',
      'transfer-encoding',
      'chunked',
      'proxy-authorization',
      'Basic eA==',
      'x-mine',
      '1',
    ]);
    expect(kept(fields)).toEqual(['accept', '*/*', 'x-mine', '1']);
  });

  it('RFC 9110 7.6.1: everything Connection names goes too, wherever it stands', () => {
    const { fields } = forward([
      'x-before',
      '1',
      'connection',
      'close, X-Before,x-after',
      'x-after',
      '2',
      'x-kept',
      '3',
    ]);
    expect(kept(fields)).toEqual(['x-kept', '3']);
  });

  it('the forwarded fields of the gateway cannot be named away', () => {
    const { fields } = forward(['connection', 'x-forwarded-for, via, forwarded']);
    expect(theField(fields, 'x-forwarded-for')).toBe('192.0.2.7');
    expect(theField(fields, 'via')).toBe('2.0 gw-1');
  });

  it.each(['host', 'content-length', 'cookie', 'authorization'])('Connection naming %s is refused', name => {
    const { refused } = forward(['connection', `close, ${name}`]);
    expect(refused).toMatchObject({ code: 'request_rejected', status: 400 });
    expect(refused!.text).toContain(name);
  });

  it('te: only trailers stays', () => {
    expect(kept(forward(['te', 'trailers']).fields)).toEqual(['te', 'trailers']);
    expect(kept(forward(['connection', 'TE', 'te', 'gzip, Trailers']).fields)).toEqual(['te', 'trailers']);
    expect(kept(forward(['te', 'gzip;q=0.5']).fields)).toEqual([]);
  });

  it('D27: cookie crumbs are joined once', () => {
    const { fields } = forward(['cookie', 'a=1', 'accept', '*/*', 'cookie', 'b=2', 'cookie', 'c=3']);
    expect(kept(fields)).toEqual(['accept', '*/*', 'cookie', 'a=1; b=2; c=3']);
  });

  it.each([
    'x_forwarded_for',
    'x-forwarded_for',
    'x.forwarded.for',
    'x_forwarded_anything',
    'x_real_ip',
    'content_length',
    'transfer_encoding',
    'proxy_authorization',
    'http2_settings',
  ])('D26: the alias %s is dropped', name => {
    expect(kept(forward([name, 'x', 'my_field', '1', 'grpc.trace', '2']).fields)).toEqual([
      'my_field',
      '1',
      'grpc.trace',
      '2',
    ]);
    expect(kept(forward([name, 'x'], { policy: TRUSTED }).fields)).toEqual([]);
  });

  it('httpoxy: proxy is dropped', () => {
    expect(kept(forward(['proxy', 'http://evil.test']).fields)).toEqual([]);
  });

  it('RFC 7239: says for whom it forwards', () => {
    const { fields } = forward([]);
    expect(theField(fields, 'x-forwarded-for')).toBe('192.0.2.7');
    expect(theField(fields, 'x-forwarded-proto')).toBe('https');
    expect(theField(fields, 'x-forwarded-host')).toBe('example.com');
    expect(theField(fields, 'x-forwarded-port')).toBe('443');
    expect(theField(fields, 'forwarded')).toBe('for=192.0.2.7;host="example.com";proto=https');
  });

  it('RFC 7239 6: IPv6 clients are bracketed and quoted, mapped IPv4 is IPv4', () => {
    expect(theField(forward([], { facts: { address: '2001:db8::1' } }).fields, 'forwarded')).toMatch(
      /^for="\[2001:db8::1\]";/,
    );
    expect(theField(forward([], { facts: { address: '::ffff:192.0.2.9' } }).fields, 'x-forwarded-for')).toBe(
      '192.0.2.9',
    );
  });

  it('the port is that of the authority', () => {
    const message = request({ authority: '[::1]:8443' });
    expect(theField(forwardRequest(message, FACTS, STRANGERS).fields, 'x-forwarded-port')).toBe('8443');
    expect(
      theField(
        forwardRequest(request({ authority: '[::1]', scheme: 'http' }), FACTS, STRANGERS).fields,
        'x-forwarded-port',
      ),
    ).toBe('80');
  });

  const CLAIMS = [
    'x-forwarded-for',
    '203.0.113.5',
    'forwarded',
    'for=203.0.113.5',
    'x-forwarded-host',
    'inner.test',
    'x-forwarded-proto',
    'http',
    'x-forwarded-port',
    '81',
    'x-forwarded-prefix',
    '/x',
    'x-real-ip',
    '203.0.113.5',
  ];

  it('claims of strangers are dropped', () => {
    const { fields } = forward(CLAIMS);
    expect(fields.join(' ')).not.toMatch(/203\.0\.113|inner\.test|prefix/);
  });

  it('claims of trusted peers are kept and added to', () => {
    const { fields } = forward(CLAIMS, { policy: TRUSTED });
    expect(theField(fields, 'x-forwarded-for')).toBe('203.0.113.5, 192.0.2.7');
    expect(theField(fields, 'forwarded')).toBe('for=203.0.113.5, for=192.0.2.7;host="example.com";proto=https');
    expect(theField(fields, 'x-forwarded-host')).toBe('inner.test');
    expect(theField(fields, 'x-forwarded-proto')).toBe('http');
    expect(theField(fields, 'x-forwarded-port')).toBe('81');
    expect(theField(fields, 'x-forwarded-prefix')).toBe('/x');
    expect(theField(fields, 'x-real-ip')).toBe('203.0.113.5');
  });

  it.each([
    ['h2', '2.0'],
    ['h2c', '2.0'],
    ['http/1.1', '1.1'],
    ['http/1.0', '1.0'],
  ] as const)('RFC 9110 7.6.3: via of %s', (protocol, version) => {
    expect(theField(forward(['via', '1.1 edge'], { facts: { protocol } }).fields, 'via')).toBe(
      `1.1 edge, ${version} gw-1`,
    );
  });

  it('RFC 9110 7.6.3: a request that has been here is a loop', () => {
    expect(forward(['via', '1.1 edge, 2.0 gw-1']).refused).toMatchObject({ code: 'loop_detected', status: 508 });
    expect(forward(['via', '1.1 edge']).refused).toBeNull();
  });

  it('never-indexed marks follow their fields', () => {
    const { fields, sensitive } = forward(
      [
        'x-secret',
        '1',
        'connection',
        'x-gone',
        'x-gone',
        '2',
        'accept',
        '*/*',
        'authorization',
        's',
        'cookie',
        'a',
        'cookie',
        'b',
      ],
      { sensitive: [0, 4, 8, 12] },
    );
    expect(sensitive!.map(position => fields[position])).toEqual(['x-secret', 'authorization', 'cookie']);
  });

  it('property: ordinary fields pass in order, and marks never move to another field', () => {
    const name = fc.constantFrom(
      'a',
      'b',
      'x-c',
      'accept',
      'cookie',
      'te',
      'connection',
      'via',
      'x_forwarded_for',
      'x-real-ip',
      'upgrade',
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.constantFrom('v', 'w', 'trailers'), fc.boolean())), lines => {
        const sensitive = lines.flatMap(([, , marked], i) => (marked ? [2 * i] : []));
        const out = forward(
          lines.flatMap(line => line.slice(0, 2) as string[]),
          { sensitive },
        );
        const ordinary = ['a', 'b', 'x-c', 'accept'];
        const pass = lines.filter(([n]) => ordinary.includes(n));
        const got: [string, string, boolean][] = [];
        for (let i = 0; i < out.fields.length; i += 2) {
          if (ordinary.includes(out.fields[i]!))
            got.push([out.fields[i]!, out.fields[i + 1]!, out.sensitive?.includes(i) ?? false]);
        }
        expect(got).toEqual(pass);
      }),
    );
  });
});

describe('response fields', () => {
  it('nothing to remove: the very same object', () => {
    const response = { status: 200, fields: ['content-type', 'text/plain', 'date', 'then'], sensitive: null };
    expect(forwardResponse(response)).toBe(response);
  });

  it('RFC 9110 7.6.1: hop-by-hop and named fields are removed, content-length stays', () => {
    const fields = [
      'server',
      'x',
      'connection',
      'X-Hop, content-length',
      'keep-alive',
      't',
      'x-hop',
      '1',
      'content-length',
      '3',
      'set-cookie',
      's',
      'date',
      'then',
    ];
    expect(forwardResponse({ status: 200, fields, sensitive: [10] })).toEqual({
      status: 200,
      fields: ['server', 'x', 'content-length', '3', 'set-cookie', 's', 'date', 'then'],
      sensitive: [4],
    });
  });
});

describe('date', () => {
  it('RFC 9110 6.6.1: a final response without one gets it, a 1xx does not', () => {
    const before = httpDate();
    const { fields } = forwardResponse({ status: 200, fields: ['a', 'b'], sensitive: null });
    expect(fields.slice(0, 3)).toEqual(['a', 'b', 'date']);
    expect([before, httpDate()]).toContain(fields[3]);
    expect(forwardResponse({ status: 200, fields: ['connection', 'close'], sensitive: null }).fields[0]).toBe('date');
    expect(forwardResponse({ status: 103, fields: ['a', 'b'], sensitive: null }).fields).toEqual(['a', 'b']);
  });

  it('RFC 9110 5.6.7: is an IMF-fixdate', () => {
    expect(httpDate(784_111_777_999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
  });
});

describe('RFC 9110 8.6: the length of what has no content', () => {
  const fields = ['content-length', '0', 'x-a', 'b', 'date', 'now'];
  it.each([103, 204])('%i loses its content-length', status => {
    expect(forwardResponse({ status, fields, sensitive: [2] })).toEqual({
      status,
      fields: ['x-a', 'b', 'date', 'now'],
      sensitive: [0],
    });
  });

  it('304 keeps it', () => {
    expect(forwardResponse({ status: 304, fields, sensitive: null }).fields).toEqual(fields);
  });
});

describe('trailer fields', () => {
  it('nothing to remove: the very same list', () => {
    const fields = ['grpc-status', '0', 'my_key-bin', 'AA==', 'server-timing', 'a;dur=1'];
    const trailers = { fields, sensitive: [2] };
    expect(forwardTrailers(trailers)).toBe(trailers);
  });

  it.each([
    'content-length',
    'transfer-encoding',
    'host',
    'authorization',
    'set-cookie',
    'x-forwarded-for',
    'forwarded',
    'te',
    'content-type',
    'cookie',
    'trailer',
    'x_forwarded_for',
  ])('D20, RFC 9110 6.5.1: %s is dropped', name => {
    const trailers = { fields: ['grpc-status', '0', name, 'x'], sensitive: null };
    expect(forwardTrailers(trailers)).toEqual({ fields: ['grpc-status', '0'], sensitive: null });
  });

  it('RFC 7541 6.2.3: marks of what is never indexed stay with their fields', () => {
    const fields = ['te', 'x', 'x-a', '1', 'host', 'h', 'x-b', '2'];
    const kept = { fields: ['x-a', '1', 'x-b', '2'], sensitive: [2] };
    expect(forwardTrailers({ fields, sensitive: [4, 6] })).toEqual(kept);
  });
});

it('D20: who the certificate is for, no client says in trailers', () => {
  const trailers = { fields: ['x-subject', 'CN=forged', 'x_subject', 'CN=forged', 'x-sum', '1'], sensitive: [2, 4] };
  const policy = { ...STRANGERS, subjectField: 'x-subject' };
  expect(forwardRequestTrailers(trailers, policy, null)).toEqual({ fields: ['x-sum', '1'], sensitive: [0] });
  expect(forwardRequestTrailers(trailers, STRANGERS, null)).toBe(trailers);
});
