/** record, open, export and stalls against a gateway that runs, over real sockets. */
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BINARY_HEADER_BYTES,
  BinaryKind,
  chunksOf,
  EXPORT_FORMATS,
  encodeMessage,
  exportRecording,
  loadRecording,
  parseLog,
  parseServerMessage,
  type RecordingSource,
  readFramesHeader,
  type ServerMessage,
  sourceOf,
  unpackSections,
} from '@glassway/inspector-protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { runRecordingTask } from '../src/recording/commands.ts';
import { FileSource } from '../src/recording/file-source.ts';
import { startRecording } from '../src/recording/record.ts';
import { RecordedHub } from '../src/recording/recorded-hub.ts';
import { itWith, run } from './support/peers.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };
const SECRET = 'a-secret-nobody-may-see';
let directory = '';
let gateway: Gateway;
let backend: ReturnType<typeof createServer>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-recording-'));
  backend = createServer((request, response) => {
    request.resume();
    response.setHeader('set-cookie', `session=${SECRET}`);
    if (request.url === '/slow') return;
    response.end(Buffer.alloc(40_000, 'x'));
  });
  await new Promise<void>(resolve => backend.listen(0, '127.0.0.1', resolve));
  gateway = await startGateway(
    {
      ...DEFAULT_SETTINGS,
      https: null,
      http: ANY_PORT,
      inspector: ANY_PORT,
      watch: false,
      to: [`http://127.0.0.1:${(backend.address() as AddressInfo).port}`],
    },
    { logger: new Logger('error'), inspectorPage: null, reportFailures: false },
  );
});
afterAll(async () => {
  await gateway.close(0);
  backend.closeAllConnections();
  await new Promise(resolve => backend.close(resolve));
  await rm(directory, { recursive: true });
});

/** Three requests with secrets, one of them left waiting; answers how to end. */
async function traffic(): Promise<() => void> {
  const { host, port } = gateway.http!;
  const session = connect(`http://${host}:${port}`);
  session.on('error', () => {});
  for (const path of ['/one', '/two']) {
    const stream = session.request({ ':path': path, authorization: `Bearer ${SECRET}`, cookie: `id=${SECRET}` });
    await new Promise<void>(resolve => stream.resume().on('close', resolve));
  }
  session.request({ ':path': '/slow', 'x-api-key': SECRET }).on('error', () => {});
  await new Promise(resolve => session.ping(resolve));
  return () => session.destroy();
}

async function record(name: string, filter = ''): Promise<string> {
  const out = join(directory, name);
  const stop = await traffic();
  const recording = await startRecording({
    url: gateway.inspectorUrl!,
    out,
    filter,
    payloads: false,
    backlog: 100_000,
    seconds: 1,
  });
  const report = await recording.done;
  stop();
  expect(report.frames).toBeGreaterThan(0);
  return out;
}

async function load(file: string): Promise<Uint8Array> {
  return Uint8Array.from(await readFile(file));
}

describe('a recording of a gateway', () => {
  let file = '';
  beforeAll(async () => {
    file = await record('all.glassway');
  });

  it('holds both legs, field sections and rows, and in no format a secret', async () => {
    const octets = await load(file);
    const recording = loadRecording(octets);
    expect([...recording.connections.values()].map(({ facts }) => facts.leg)).toEqual(expect.arrayContaining([0, 1]));
    const paths = [...recording.streams.values()].map(({ facts }) => facts.path);
    expect(paths).toEqual(expect.arrayContaining(['/one', '/two', '/slow']));
    expect(Buffer.from(octets).includes(SECRET)).toBe(false);
    for (const format of EXPORT_FORMATS) {
      const made = Buffer.from(exportRecording(recording, format, null, true));
      expect(made.includes(SECRET), format).toBe(false);
      expect(made.length, format).toBeGreaterThan(500);
      expect(made.includes('/one'), format).toBe(true);
    }
  });

  it('a file that is there is not overwritten, and a wrong address, token or filter is said', async () => {
    const options = { url: gateway.inspectorUrl!, out: file, filter: '', payloads: false, backlog: 0, seconds: 1 };
    await expect(startRecording(options)).rejects.toThrow('is there already');
    const out = join(directory, 'none.glassway');
    await expect(startRecording({ ...options, out, filter: 'foo=1' })).rejects.toThrow('--filter: foo=1');
    await expect(startRecording({ ...options, out: join(directory, 'x1'), url: 'http://127.0.0.1:1' })).rejects.toThrow(
      'no token',
    );
    const wrong = gateway.inspectorUrl!.replace(/token=.*/, 'token=AAAAAAAAAAAAAAAAAAAAAAAA');
    const refused = await startRecording({ ...options, out: join(directory, 'x2'), url: wrong });
    await expect(refused.done).rejects.toThrow('does not know this token');
    expect((await readdir(directory)).sort()).toEqual(['all.glassway']);
  });

  it('a filter selects at the gateway, also by what only streams tell', async () => {
    const filter = 'not( type=DATA ) path=/slow dir=in leg=client';
    const bytes = await load(await record('slow.glassway', filter));
    const slow = loadRecording(bytes);
    // A page that opens it knows that the frames it does not have were left out.
    expect(parseServerMessage(new RecordedHub(sourceOf(bytes)).snapshot(1))).toMatchObject({
      type: 'snapshot',
      filter,
    });
    expect(slow.count).toBeGreaterThan(0);
    const { type, stream, connection, direction } = slow.frames;
    for (let row = 0; row < slow.count; row++) {
      expect(type[row]).not.toBe(0);
      expect(direction[row]).toBe(0);
      expect(slow.streams.get(`${connection[row]}/${stream[row]}`)?.facts.path).toBe('/slow');
    }
  });

  it('a filter selects at the gateway what a record alone tells', async () => {
    const data = loadRecording(await load(await record('data.glassway', 'type=DATA dir=out leg=client')));
    const { type, direction, leg } = data.frames;
    for (let row = 0; row < data.count; row++) expect([type[row], direction[row], leg[row]]).toEqual([0, 1, 0]);
  });

  it('shown again tells the rows as they were at the end, and every log in full', async () => {
    const whole = loadRecording(await load(file));
    const source = new FileSource(file);
    const hub = new RecordedHub(source);
    const told: ServerMessage[] = [];
    let frames = 0;
    const viewer = hub.attach({
      bufferedBytes: 0,
      send: data => {
        if (typeof data === 'string') told.push(parseServerMessage(data));
        else if (data[0] === BinaryKind.FRAMES) frames += readFramesHeader(new Uint8Array(data).buffer).count;
        else if (data[0] !== BinaryKind.PAYLOADS) told.push(parseLog(new Uint8Array(data).buffer));
      },
      close: () => {},
    });
    viewer.receive(
      encodeMessage({ type: 'subscribe', id: 4, frames: {}, fields: {}, events: true, payloads: null, backlog: 0 }),
    );
    expect(told[0]).toMatchObject({ type: 'hello', recorded: true, now: whole.now });
    expect(told[1]).toMatchObject({ type: 'snapshot', id: 4 });
    expect(frames).toBe(whole.count);
    const slow = [...whole.streams.values()].find(({ facts }) => facts.path === '/slow' && facts.connection === 1);
    viewer.receive(encodeMessage({ type: 'get', id: 5, what: 'verdicts' }));
    viewer.receive(encodeMessage({ type: 'get', id: 6, what: 'tables', connection: 1 }));
    viewer.receive(encodeMessage({ type: 'get', id: 7, what: 'sections', connection: 1, stream: slow!.facts.stream }));
    expect(told.slice(-3).map(message => message.type === 'reply' && message.what)).toEqual([
      'verdicts',
      'tables',
      'sections',
    ]);
    const wanted = whole.sections.filter(section => section.connection === 1 && section.stream === slow!.facts.stream);
    const reply = told.at(-1);
    expect(reply?.type === 'reply' && reply.what === 'sections' && unpackSections(reply.packed)).toEqual(wanted);
    source.close();
  });

  it('shown again stays on the disk: frames and octets are read when a viewer is told of them', async () => {
    const memory = sourceOf(await load(file));
    const read: { from: number; length: number }[] = [];
    const source: RecordingSource = {
      size: memory.size,
      at: (from, length) => {
        read.push({ from, length });
        return memory.at(from, length);
      },
    };
    const frames = [...chunksOf(memory)].filter(chunk => chunk.kind === 'frames' || chunk.kind === 'payloads');
    const inside = () => read.filter(({ from }) => frames.some(chunk => chunk.from === from));
    const hub = new RecordedHub(source);
    expect(inside()).toHaveLength(frames.length);
    expect(inside().every(({ length }) => length === BINARY_HEADER_BYTES)).toBe(true);
    read.length = 0;
    const port = { bufferedBytes: Number.POSITIVE_INFINITY, send: () => {}, close: () => {} };
    const viewer = hub.attach(port);
    viewer.receive(
      encodeMessage({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: {}, backlog: 0 }),
    );
    // It takes nothing in, so nothing is read for it.
    expect(read).toEqual([]);
    hub.detach(viewer);
  });

  it('shown again says so when the file is changed under it', async () => {
    const path = join(directory, 'shrinks.glassway');
    await copyFile(file, path);
    const source = new FileSource(path);
    const hub = new RecordedHub(source);
    await truncate(path, source.size >> 1);
    const closed: [number, string][] = [];
    const viewer = hub.attach({ bufferedBytes: 0, send: () => {}, close: (...args) => void closed.push(args) });
    viewer.receive(
      encodeMessage({ type: 'subscribe', id: 1, frames: {}, fields: {}, events: true, payloads: {}, backlog: 0 }),
    );
    expect(closed).toEqual([[1011, expect.stringMatching(/has become shorter while it was read$/)]]);
    source.close();
    expect(() => new FileSource(join(directory, 'none'))).toThrow(/^there is no .*none$/);
  });

  itWith('tshark', 'a packet analyser dissects the frames of the pcapng export', async () => {
    const recording = loadRecording(await load(file));
    const out = join(directory, 'all.pcapng');
    await writeFile(out, exportRecording(recording, 'pcapng', null, true));
    const printed = await run(
      'tshark',
      '-r',
      out,
      '-d',
      'tcp.port==80,http2',
      '-T',
      'fields',
      '-e',
      'http2.type',
      '-e',
      'http2.headers.path',
      '-e',
      '_ws.malformed',
    );
    const types = printed
      .split('\n')
      .flatMap(line => (/^\d/.test(line) ? line.split('\t')[0]!.split(',').map(Number) : []));
    const count = (wanted: number): number => types.filter(type => type === wanted).length;
    const recorded = (wanted: number): number =>
      recording.frames.type.slice(0, recording.count).filter(type => type === wanted).length;
    for (const type of [0, 1, 4, 8]) expect([type, count(type)]).toEqual([type, recorded(type)]);
    expect(printed).toContain('/one');
    expect(printed).not.toContain('Malformed');
  });

  it('stalls says what stands still, or that nothing does', async () => {
    const lines: string[] = [];
    const never = new Promise(() => {});
    await runRecordingTask({ task: 'stalls', url: gateway.inspectorUrl! }, text => void lines.push(text), never);
    expect(lines.join('')).toMatch(/^(Nothing stands still\.|[A-Z_]+ +Stream)/);
  });
});
