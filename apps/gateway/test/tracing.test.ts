import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it, test, vi } from 'vitest';
import { ExchangeRecord } from '../src/exchange/record.ts';
import { Logger } from '../src/log.ts';
import { readParent, withContext } from '../src/telemetry/trace-context.ts';
import { Tracer } from '../src/telemetry/tracer.ts';
import { FACTS, request } from './exchange-fakes.ts';
import { startApp, TestGateway } from './support/gateway.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('W3C Trace Context: traceparent', () => {
  test.each([
    [`00-${TRACE}-${PARENT}-01`, true],
    [`00-${TRACE}-${PARENT}-00`, false],
    [`00-${TRACE}-${PARENT}-03`, true],
    [`cc-${TRACE}-${PARENT}-01-what-the-future-adds`, true],
  ])('%s is continued', (value, sampled) => {
    expect(readParent(['traceparent', value])).toEqual({ traceId: TRACE, parentId: PARENT, sampled });
  });
  test.each([
    '',
    `00-${TRACE}-${PARENT}`,
    `00-${TRACE}-${PARENT}-01-more`,
    `ff-${TRACE}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
  ])('"%s" begins a trace anew', value => {
    expect(readParent(['traceparent', value])).toBeNull();
  });
  test('two of them begin a trace anew', () => {
    const value = `00-${TRACE}-${PARENT}-01`;
    expect(readParent(['traceparent', value, 'traceparent', value])).toBeNull();
  });
  test('ours stands in its place, so that marked positions stay right', () => {
    const span = { traceId: TRACE, spanId: 'b'.repeat(16), parentId: PARENT, sampled: true };
    const fields = ['a', '1', 'traceparent', 'old', 'tracestate', 'x=1', 'cookie', 'secret'];
    const ours = `00-${TRACE}-bbbbbbbbbbbbbbbb-01`;
    expect(withContext(fields, span)).toEqual(['a', '1', 'traceparent', ours, 'tracestate', 'x=1', 'cookie', 'secret']);
    expect(withContext(['a', '1'], { ...span, sampled: false })).toEqual([
      'a',
      '1',
      'traceparent',
      ours.replace(/1$/, '0'),
    ]);
  });
});

/** A collector that answers `status` and keeps what it got. */
async function collector(status = 200): Promise<{ server: Server; url: string; spans: Record<string, never>[] }> {
  const spans: Record<string, never>[] = [];
  const server = createServer((incoming, response) => {
    void buffer(incoming).then(body => {
      for (const { scopeSpans } of JSON.parse(body.toString()).resourceSpans) spans.push(...scopeSpans[0].spans);
      response.writeHead(status).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, spans };
}

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

it('a request is one span under its caller’s, and the backend hears of it', async () => {
  const { server, url, spans } = await collector();
  open.push(server);
  let heard = '';
  const app = await startApp((incoming, response) => {
    heard = String(incoming.headers['traceparent']);
    response.writeHead(204).end();
  });
  const under = await TestGateway.start([app.url], { otlpEndpoint: url });
  await fetch(`${under.url}/a?secret=1`, { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } });
  await fetch(`${under.url}/quiet`, { headers: { traceparent: `00-${TRACE}-${PARENT}-00` } });
  await under.line({ path: '/quiet' });
  await under.stop(1000);
  expect(spans).toHaveLength(1);
  const [span] = spans as unknown as [
    { spanId: string; attributes: { key: string; value: object }[] } & Record<string, string>,
  ];
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, name: 'GET', kind: 2 });
  expect(heard).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  expect(BigInt(span['endTimeUnixNano']!)).toBeGreaterThan(BigInt(span['startTimeUnixNano']!));
  expect(Math.abs(Number(BigInt(span['startTimeUnixNano']!) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  const attributes = Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  expect(attributes).toMatchObject({
    'url.path': '/a',
    'http.response.status_code': '204',
    'glassway.backend': app.url,
  });
  expect(JSON.stringify(span)).not.toContain('secret');
  await app.close();
});

function sampled(tracer: Tracer): ExchangeRecord {
  const record = new ExchangeRecord(FACTS, request({}), performance.now());
  record.span = tracer.begin([]);
  record.finishedAt = performance.now();
  return record;
}

const outcomes = (tracer: Tracer): object =>
  Object.fromEntries(tracer.families()[0]!.samples.map(({ labels, value }) => [labels['outcome'], value]));

it('every span is accounted for: exported, dropped, or given up with one warning', async () => {
  const good = await collector();
  const bad = await collector(503);
  open.push(good.server, bad.server);
  const warnings: string[] = [];
  const logger = new Logger('warn', line => void warnings.push(line));
  const options = { samplePercent: 100, maxQueued: 1000, intervalMs: 3_600_000 };
  const working = new Tracer({ ...options, endpoint: good.url }, logger);
  for (let i = 0; i < 1500; i++) working.write(sampled(working));
  await working.close();
  expect(outcomes(working)).toEqual({ exported: 1000, dropped: 500, failed: 0 });
  expect(good.spans).toHaveLength(1000);
  expect(new Set(good.spans.map(span => span['spanId'])).size).toBe(1000);

  const broken = new Tracer({ ...options, endpoint: bad.url }, logger);
  for (let i = 0; i < 600; i++) broken.write(sampled(broken));
  await broken.close();
  expect(outcomes(broken)).toEqual({ exported: 0, dropped: 0, failed: 600 });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toMatch(/spans cannot be sent .*503/);
});

it('sampling takes about the share it is told, and none at 0', () => {
  const share = (samplePercent: number): number => {
    const tracer = new Tracer({ endpoint: 'http://127.0.0.1:1', samplePercent }, new Logger('error'));
    let count = 0;
    for (let i = 0; i < 2000; i++) if (tracer.begin([]).sampled) count++;
    void tracer.close();
    return count / 2000;
  };
  expect(share(0)).toBe(0);
  expect(share(100)).toBe(1);
  const random = vi.spyOn(Math, 'random').mockImplementation(() => 0.3);
  expect([share(29), share(31)]).toEqual([0, 1]);
  random.mockRestore();
});
