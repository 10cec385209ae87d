import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { reason } from '../src/exchange/reason.ts';
import { ExchangeRecord } from '../src/exchange/record.ts';
import { family, mergeFamilies, renderFamilies } from '../src/telemetry/families.ts';
import { Metrics } from '../src/telemetry/metrics.ts';
import { FACTS, request } from './exchange-fakes.ts';
import { startApp, TestGateway } from './support/gateway.ts';
import { END_HEADERS, get, headers, post, windowUpdate } from './support/h2-frames.ts';
import { rawH2Client } from './support/raw-client.ts';

/** The numbers of an exposition by name and labels. */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

function record(status: number, tookMs: number, code: Parameters<typeof reason>[0] | null = null): ExchangeRecord {
  const made = new ExchangeRecord(FACTS, request({}), 1000);
  made.status = status;
  made.backend = 'http://a';
  made.attempts = 2;
  made.assignedAt = 1001;
  made.firstByteAt = 1000 + tookMs;
  made.finishedAt = 1000 + tookMs;
  made.bytesUp = 3;
  made.bytesDown = 5;
  if (code !== null) made.reason = reason(code, 'x');
  return made;
}

test('every request is counted by protocol, status, time, backend and reason', () => {
  const metrics = new Metrics();
  metrics.write(record(200, 0.4));
  metrics.write(record(204, 40));
  metrics.write(record(502, 60_000, 'backend_closed'));
  metrics.event({
    what: 'goaway',
    client: FACTS,
    reason: reason('client_over_limit', '', { rule: 'settings.too-many' }),
  });
  const values = parse(renderFamilies(metrics.families()));
  expect(Object.fromEntries([...values].filter(([name]) => !/_bucket|_sum|queue|first_byte/.test(name)))).toEqual({
    'glassway_requests_total{protocol="h2",status="2xx"}': 2,
    'glassway_requests_total{protocol="h2",status="5xx"}': 1,
    glassway_request_duration_seconds_count: 3,
    glassway_request_body_bytes_total: 9,
    glassway_response_body_bytes_total: 15,
    'glassway_backend_requests_total{backend="http://a",status="2xx"}': 2,
    'glassway_backend_requests_total{backend="http://a",status="5xx"}': 1,
    'glassway_backend_attempts_total{backend="http://a"}': 6,
    'glassway_reasons_total{reason="backend_closed",rule="backend-closed"}': 1,
    'glassway_reasons_total{reason="client_over_limit",rule="settings.too-many"}': 1,
    'glassway_connection_events_total{what="goaway"}': 1,
  });
  const bucket = (le: string): number => values.get(`glassway_request_duration_seconds_bucket{le="${le}"}`)!;
  expect([bucket('0.0005'), bucket('0.025'), bucket('0.05'), bucket('30'), bucket('+Inf')]).toEqual([1, 1, 2, 2, 3]);
  expect(values.get('glassway_request_duration_seconds_sum')).toBeCloseTo(60.0404);
});

test('a bound belongs to its bucket', () => {
  const metrics = new Metrics();
  metrics.write(record(200, 5));
  const values = parse(renderFamilies(metrics.families()));
  expect(values.get('glassway_request_duration_seconds_bucket{le="0.0025"}')).toBe(0);
  expect(values.get('glassway_request_duration_seconds_bucket{le="0.005"}')).toBe(1);
});

test('labels are escaped as the exposition format says', () => {
  const text = renderFamilies([family('a', 'gauge', 'b\\c\nd', [[{ e: '"\\\n' }, 1]])]);
  expect(text).toBe('# HELP a b\\\\c\\nd\n# TYPE a gauge\na{e="\\"\\\\\\n"} 1\n');
});

test('families of several processes add up, sample by sample', () => {
  const [one, two] = [new Metrics(), new Metrics()];
  one.write(record(200, 1));
  two.write(record(200, 100));
  two.write(record(404, 1, 'no_route'));
  const values = parse(renderFamilies(mergeFamilies([one.families(), two.families()])));
  expect(values.get('glassway_requests_total{protocol="h2",status="2xx"}')).toBe(2);
  expect(values.get('glassway_requests_total{protocol="h2",status="4xx"}')).toBe(1);
  expect(values.get('glassway_request_duration_seconds_bucket{le="0.001"}')).toBe(2);
  expect(values.get('glassway_request_duration_seconds_count')).toBe(3);
});

describe('a gateway', () => {
  let app: Awaited<ReturnType<typeof startApp>>;
  let under: TestGateway;
  beforeAll(async () => {
    app = await startApp((_request, response) => response.end('hello'));
    under = await TestGateway.start([app.url], { debugState: true });
  });
  afterAll(async () => {
    await under.stop();
    await app.close();
  });

  it('counts what passes, and every name has help and unit', async () => {
    for (let i = 0; i < 3; i++) await (await fetch(under.url)).text();
    const look = (): string => renderFamilies(under.gateway.metrics());
    // A response may be read before the gateway has finished with it.
    await expect.poll(() => parse(look()).get('glassway_requests_total{protocol="http/1.1",status="2xx"}')).toBe(3);
    const text = look();
    const values = parse(text);
    expect(values.get('glassway_response_body_bytes_total')).toBe(15);
    expect(values.get('glassway_requests_open')).toBe(0);
    expect(values.get('glassway_connections_accepted_total')).toBeGreaterThan(0);
    expect(values.get('glassway_access_log_lines_total{outcome="lost"}')).toBe(0);
    expect(values.get('process_resident_memory_bytes{worker="0"}')).toBeGreaterThan(1e6);
    for (const { name, type, help } of under.gateway.metrics()) {
      expect(help, name).toMatch(/\.$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
    }
  });

  it('docs/operations.md names every metric', async () => {
    const { readFileSync } = await import('node:fs');
    const text = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    for (const { name } of under.gateway.metrics()) expect(text, name).toContain(`\`${name}`);
  });
});

test('GET /.well-known/h2/state tells a client about its own connection, where that is switched on', async () => {
  const [on, off] = [
    await TestGateway.start(['http://127.0.0.1:1'], { debugState: true }),
    await TestGateway.start([]),
  ];
  const client = await rawH2Client(on.port);
  client.send(windowUpdate(0, 1000));
  client.send(headers(1, post('a.test', '/upload'), END_HEADERS));
  client.send(headers(3, get('a.test', '/.well-known/h2/state')));
  await client.until('the state', () => client.response(3).ended);
  const state = JSON.parse(client.response(3).body.toString());
  expect(state).toMatchObject({
    version: 'draft-01',
    connFlowOut: 66_535,
    peerSettings: { SETTINGS_MAX_FRAME_SIZE: 16_384 },
  });
  expect(state.streams).toMatchObject({ 3: { state: 'HALF_CLOSED_REMOTE', flowOut: 65_535 } });
  expect(client.response(3).head).toContainEqual(['conn-flow-out', '66535']);
  client.close();
  const other = await rawH2Client(off.port);
  other.send(headers(1, get('a.test', '/.well-known/h2/state')));
  await other.until('a refusal', () => other.response(1).ended);
  expect(other.status(1)).toBe('404');
  other.close();
  await on.stop();
  await off.stop();
});
