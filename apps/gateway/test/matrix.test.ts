/**
 * Other people's clients through the gateway to other people's servers, a line per pair: a large body down, one up and
 * back, trailers both ways, as far as both ends can.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { BACKENDS, type Backend, type Feature } from './support/matrix-backends.ts';
import { buildGo, PEERS, pattern, python, run, which } from './support/programs.ts';

const sha = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
const UPLOAD = pattern(3_000_000);
const EXPECTED: Readonly<Record<Feature, string>> = {
  get: `200 ${sha(pattern(4 << 20))}`,
  post: `200 ${sha(UPLOAD)}`,
  trailersDown: 'x-sum=42',
  trailersUp: '10 sent',
};

/** Where a client finds the gateway. */
interface Door {
  readonly http: string;
  readonly https: string;
  readonly ca: string;
  readonly directory: string;
}

interface Client {
  readonly name: string;
  readonly missing: string | null;
  readonly features: readonly Feature[];
  /** Its large bodies take seconds: they go to this backend only. */
  readonly largeTo?: string;
  /** What it saw, in the words of `EXPECTED`. */
  ask(feature: Feature, door: Door): Promise<string>;
}

/** Compiled when it is first asked for. */
let goPeer: Promise<string> | null = null;

const missing = (program: string): string | null => (which(program) === null ? program : null);

function curl(name: string, url: (door: Door) => string, ...options: string[]): Client {
  return {
    name: `curl ${name}`,
    missing: missing('curl'),
    features: ['get', 'post', 'trailersDown'],
    ask: async (feature, door) => {
      const fields = join(door.directory, `fields-${name.replace('/', '-')}`);
      const path = { get: '/large', post: '/echo', trailersDown: '/trailers', trailersUp: '' }[feature];
      // Expect would make it wait a second where a server does not answer it.
      const body = feature === 'post' ? ['--data-binary', `@${door.directory}/upload`, '-H', 'expect:'] : [];
      const args = ['-sS', '--cacert', door.ca, '-D', fields, ...options, ...body, url(door) + path];
      const { octets } = await run('curl', args);
      const text = await readFile(fields, 'latin1');
      if (feature === 'trailersDown') return `x-sum=${/^x-sum: (\S*)/im.exec(text)?.[1]}`;
      // Before it there may be a 101 or a 100.
      const statuses = [...text.matchAll(/^HTTP\/\S+ (\d+)/gm)];
      return `${statuses.at(-1)?.[1]} ${sha(octets)}`;
    },
  };
}

const NODE: Client = {
  name: 'node:http2',
  missing: null,
  features: ['get', 'post', 'trailersDown', 'trailersUp'],
  ask: async (feature, door) => {
    const session = connect(door.https, { ca: await readFile(door.ca) });
    const path = { get: '/large', post: '/echo', trailersDown: '/trailers', trailersUp: '/length' }[feature];
    const isUp = feature === 'post' || feature === 'trailersUp';
    const options = { endStream: !isUp, waitForTrailers: feature === 'trailersUp' };
    const stream = session.request({ ':method': isUp ? 'POST' : 'GET', ':path': path }, options);
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'sent' }));
    if (isUp) stream.end(feature === 'post' ? UPLOAD : 'xxxxxxxxxx');
    let status = 0;
    let sum = '';
    stream.on('response', headers => {
      status = Number(headers[':status']);
    });
    stream.on('trailers', trailers => {
      sum = String(trailers['x-sum']);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    session.close();
    const body = Buffer.concat(chunks);
    if (feature === 'trailersDown') return `x-sum=${sum}`;
    return feature === 'trailersUp' ? body.toString() : `${status} ${sha(body)}`;
  },
};

const CLIENTS: readonly Client[] = [
  curl('HTTP/1.1', ({ http }) => http, '--http1.1'),
  curl('h2c', ({ http }) => http, '--http2-prior-knowledge'),
  curl('Upgrade', ({ http }) => http, '--http2'),
  curl('h2', ({ https }) => https, '--http2'),
  {
    name: 'nghttp',
    missing: missing('nghttp'),
    features: ['get', 'post', 'trailersDown', 'trailersUp'],
    ask: async (feature, { http, directory }) => {
      switch (feature) {
        case 'get':
          return `200 ${sha((await run('nghttp', [`${http}/large`])).octets)}`;
        case 'post':
          return `200 ${sha((await run('nghttp', ['-d', `${directory}/upload`, `${http}/echo`])).octets)}`;
        case 'trailersDown':
          return `x-sum=${/x-sum: (\S+)/.exec((await run('nghttp', ['-nv', `${http}/trailers`])).output)?.[1]}`;
        case 'trailersUp': {
          const args = ['-d', `${directory}/ten`, '--trailer', 'x-end: sent', `${http}/length`];
          return (await run('nghttp', args)).octets.toString();
        }
      }
    },
  },
  {
    name: 'h2load',
    missing: missing('h2load'),
    features: ['get'],
    ask: async (_feature, { http }) => {
      const { output } = await run('h2load', ['-n', '20', '-c', '2', '-m', '5', `${http}/large`]);
      // It keeps no body: twenty answers of the right size stand for the right one.
      const octets = Number(/\((\d+)\) data/.exec(output)?.[1]);
      return /20 succeeded, 0 failed/.test(output) && octets === 20 * (4 << 20) ? EXPECTED.get : output;
    },
  },
  NODE,
  {
    name: 'python h2',
    missing: python === null ? 'python3-h2' : null,
    largeTo: 'Node http2',
    features: ['get', 'post', 'trailersDown', 'trailersUp'],
    ask: async (feature, { https, ca }) =>
      (await run(python!, [join(PEERS, 'client.py'), feature, https, ca])).output.trim(),
  },
  {
    name: 'Go',
    missing: missing('go'),
    features: ['get', 'post', 'trailersDown', 'trailersUp'],
    ask: async (feature, { https, ca, directory }) => {
      goPeer ??= buildGo(join(directory, 'go-peer'), PEERS, '.');
      return (await run(await goPeer, ['client', feature, https, ca])).output.trim();
    },
  },
];

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-matrix-'));
  await writeFile(join(directory, 'upload'), UPLOAD);
  await writeFile(join(directory, 'ten'), 'xxxxxxxxxx');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each(BACKENDS)('to $name', ({ name, features: offered, needs, start }) => {
  let backend: Backend;
  let gateway: Gateway;
  let door: Door;
  const isMissing = needs !== null && which(needs) === null;
  beforeAll(async () => {
    if (isMissing) return;
    backend = await start();
    const any = { host: '127.0.0.1', port: 0 };
    const settings = { ...DEFAULT_SETTINGS, to: [backend.url], https: any, http: any, inspector: null };
    gateway = await startGateway(settings, { logger: new Logger('error'), developmentCaDirectory: directory });
    const port = (address: Gateway['http']): number => (address as { port: number }).port;
    door = {
      http: `http://127.0.0.1:${port(gateway.http)}`,
      https: `https://localhost:${port(gateway.https)}`,
      ca: gateway.rootCertificatePath!,
      directory,
    };
  });
  afterAll(async () => {
    await gateway?.close(0);
    await backend?.close();
  });

  for (const client of CLIENTS) {
    const isLarge = (feature: Feature): boolean => feature === 'get' || feature === 'post';
    const features = client.features.filter(
      feature =>
        offered.includes(feature) &&
        (!isLarge(feature) || (client.largeTo ?? name) === name) &&
        // nghttpd sends a content-length, and after that many octets curl hears no trailers on HTTP/2.
        !(feature === 'trailersDown' && name === 'nghttpd' && /^curl (?!HTTP)/.test(client.name)),
    );
    if (features.length === 0) continue;
    const absent = isMissing ? needs : client.missing;
    const line = `${client.name} -> ${name}: ${features.join(', ')}`;
    if (absent !== null && process.env['CI'] !== 'true') {
      test.skip(`${line} (${absent} is not installed)`);
      continue;
    }
    test(line, { timeout: 60_000 }, async () => {
      const seen: Partial<Record<Feature, string>> = {};
      for (const feature of features) seen[feature] = await client.ask(feature, door);
      expect(seen).toEqual(Object.fromEntries(features.map(feature => [feature, EXPECTED[feature]])));
    });
  }
});
