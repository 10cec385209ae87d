import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage, request } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { PATIENCE_MS, POOL, patient } from '../src/demo/scenarios/patience.ts';
import type { DemoServer } from '../src/demo/server.ts';
import { startSite } from '../src/demo/site.ts';
import { startStreams } from '../src/demo/streams.ts';

describe('the demo site', () => {
  let site: DemoServer;
  const url = (path: string): string => `http://127.0.0.1:${site.port}${path}`;
  const open = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => get(url(path), resolve).on('error', reject));

  beforeAll(async () => {
    site = await startSite(20);
  });
  afterAll(() => site.close());

  it('has a page whose files and tiles all exist', async () => {
    const page = await (await fetch(url('/'))).text();
    const files = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(match => match[1]!);
    expect(files).toHaveLength(3);
    for (const path of [...files, '/assets/tile/0.svg', '/assets/tile/119.svg']) {
      const response = await fetch(url(path));
      expect([path, response.status]).toEqual([path, 200]);
      expect((await response.text()).length).toBeGreaterThan(50);
    }
  });

  it('every path the page asks for is served', async () => {
    const page = await (await fetch(url('/'))).text();
    const asked = [...page.matchAll(/data-fetch="([^"]+)"/g)].map(match => match[1]!);
    for (const path of asked.filter(each => each.startsWith('/status')))
      expect((await fetch(url(path))).status).toBe(503);
    expect(asked.filter(path => !/^\/(status|slow|errors|streams)\b/.test(path))).toEqual([]);
  });

  it('streams events until the client leaves', async () => {
    const response = await open('/events');
    expect(response.headers['content-type']).toBe('text/event-stream');
    const events: string[] = [];
    for await (const chunk of response) {
      events.push(String(chunk));
      if (events.length === 3) break;
    }
    expect(events.join('')).toContain('data: {"tick":2,');
  });

  it('takes uploads and says what came', async () => {
    const body = Buffer.alloc(300_000, 'abc');
    const response = await fetch(url('/upload'), { method: 'POST', body });
    expect(await response.json()).toEqual({
      bytes: 300_000,
      sha256: createHash('sha256').update(body).digest('hex'),
      trailers: {},
    });
  });

  it('sends as much as asked for', async () => {
    expect((await buffer(await open('/download?mib=3'))).length).toBe(3 * 1024 * 1024);
    expect((await open('/download?mib=nonsense')).headers['content-length']).toBe(String(10 * 1024 * 1024));
  });

  it('answers with hints, trailers and any status', async () => {
    const hinted = await new Promise<number>((resolve, reject) => {
      get(url('/hints'))
        .on('information', info => resolve(info.statusCode))
        .on('error', reject);
    });
    expect(hinted).toBe(103);
    const response = await open('/trailers');
    await text(response);
    expect(response.trailers['x-checksum']).toMatch(/^[0-9a-f]{64}$/);
    expect((await fetch(url('/status/418'))).status).toBe(418);
    expect((await fetch(url('/status/999'))).status).toBe(404);
    expect((await fetch(url('/nothing'))).status).toBe(404);
  });

  it.each(['/errors/drop', '/errors/short'])('%s breaks off in the middle of the body', async path => {
    const response = await open(path);
    expect(response.statusCode).toBe(200);
    await expect(text(response)).rejects.toThrow('aborted');
  });

  it('/errors/reset breaks off before the head', async () => {
    await expect(open('/errors/reset')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('shows what it was sent', async () => {
    const answer = await new Promise<IncomingMessage>(resolve => {
      request(url('/headers'), { headers: { 'x-forwarded-for': '192.0.2.1' } }, resolve).end();
    });
    expect(JSON.parse(await text(answer)).rawHeaders).toContain('192.0.2.1');
  });
});

describe('the demo streams', () => {
  let streams: DemoServer;
  let session: ClientHttp2Session;

  beforeAll(async () => {
    streams = await startStreams();
    session = connect(`http://127.0.0.1:${streams.port}`);
  });
  afterAll(async () => {
    session.destroy();
    await streams.close();
  });

  const codeOf = (stream: ClientHttp2Stream): Promise<number> =>
    new Promise(resolve => {
      stream.on('error', () => {});
      stream.on('close', () => resolve(stream.rstCode));
      stream.resume();
    });

  it('echo messages both ways at once and end with trailers', async () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/demo.Echo/Chat',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const trailers = new Promise<Record<string, unknown>>(resolve => stream.once('trailers', resolve));
    for (const message of ['one', 'two', 'three']) {
      stream.write(message);
      const [echoed] = (await once(stream, 'data')) as [Buffer];
      expect(String(echoed)).toBe(message);
    }
    stream.end();
    expect(await trailers).toMatchObject({ 'grpc-status': '0', 'x-echoed': '3' });
  });

  it('echo more than fits in the windows', async () => {
    const body = Buffer.alloc(6 * 1024 * 1024, 'echo');
    const stream = session.request({ ':method': 'POST', ':path': '/demo.Echo/Chat' });
    stream.end(body);
    expect((await buffer(stream)).equals(body)).toBe(true);
  });

  it('the firehose stops for a reader that stops, and ends where it was told', async () => {
    const stream = session.request({ ':path': '/streams/firehose?mib=3' });
    expect((await buffer(stream)).length).toBe(3 * 1024 * 1024);
  });

  it('refuse and reset', async () => {
    expect(await codeOf(session.request({ ':path': '/streams/refuse' }))).toBe(constants.NGHTTP2_REFUSED_STREAM);
    expect(await codeOf(session.request({ ':path': '/streams/reset' }))).toBe(constants.NGHTTP2_INTERNAL_ERROR);
  });
});

describe('a scenario', () => {
  it('stands still for ten minutes before the gateway ends it, unless the user sets a time', () => {
    const { limits, backends } = patient(DEFAULT_SETTINGS, 'h2c://127.0.0.1:1');
    const { writeStallTimeoutMs, settingsAckTimeoutMs } = limits.http2;
    const { connectMs, firstByteMs, idleMs, queueMs } = backends[POOL]!.timeouts;
    for (const ms of [writeStallTimeoutMs, settingsAckTimeoutMs, connectMs, firstByteMs, idleMs, queueMs]) {
      expect(ms).toBeGreaterThanOrEqual(PATIENCE_MS);
    }
    const http2 = { ...DEFAULT_SETTINGS.limits.http2, writeStallTimeoutMs: 5000 };
    const impatient = { ...DEFAULT_SETTINGS, limits: { ...DEFAULT_SETTINGS.limits, http2 } };
    expect(patient(impatient, 'h2c://127.0.0.1:1').limits.http2.writeStallTimeoutMs).toBe(5000);
  });
});
