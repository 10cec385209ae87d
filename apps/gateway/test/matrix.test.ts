/**
 * Other people's clients through the gateway to other people's servers, a line per pair: a large body down, one up and
 * back, trailers both ways, a WebSocket, as far as both ends can.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pattern } from '@glassway/interop/check.ts';
import { buildGo, PEERS, python, run, which } from '@glassway/interop/peers/programs.ts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { DEFAULT_POOL } from '../src/config/pool-settings.ts';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';
import { type Browser, hasChromium, hasFirefox, startChromium, startFirefox } from './support/browsers.ts';
import { BACKENDS, type Backend, type Feature } from './support/matrix-backends.ts';

const sha = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');
const UPLOAD = pattern(3_000_000);
const EXPECTED: Readonly<Record<Feature, string>> = {
  get: `200 ${sha(pattern(4 << 20))}`,
  post: `200 ${sha(UPLOAD)}`,
  trailersDown: 'x-sum=42',
  trailersUp: '10 sent',
  webSocket: `hello ${sha(UPLOAD)} 1000 done`,
};

/** Where a client finds the gateway. */
interface Door {
  readonly http: string;
  readonly https: string;
  readonly ca: string;
  readonly directory: string;
  /** The gateway's line about a request, when it is done. */
  logged(path: string): Promise<string>;
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
      const path = { get: '/large', post: '/echo', trailersDown: '/trailers', trailersUp: '', webSocket: '' }[feature];
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
    const path = { get: '/large', post: '/echo', trailersDown: '/trailers', trailersUp: '/length', webSocket: '' }[
      feature
    ];
    const isUp = feature === 'post' || feature === 'trailersUp';
    const options = { endStream: !isUp, waitForTrailers: feature === 'trailersUp' };
    // Go hears of no trailers on HTTP/2 that are not announced.
    const fields = feature === 'trailersUp' ? { trailer: 'x-end' } : {};
    const stream = session.request({ ':method': isUp ? 'POST' : 'GET', ':path': path, ...fields }, options);
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

/** The `ws` library, which speaks HTTP/1.1. */
const WS: Client = {
  name: 'ws',
  missing: null,
  features: ['webSocket'],
  ask: async (_feature, { https, ca }) => {
    const socket = new WebSocket(`${https}/socket`, { ca: await readFile(ca) });
    const echo = async (message: string | Uint8Array): Promise<Buffer> => {
      socket.send(message);
      return ((await once(socket, 'message')) as [Buffer])[0];
    };
    await once(socket, 'open');
    const seen = `${await echo('hello')} ${sha(await echo(UPLOAD))}`;
    socket.close(1000, 'done');
    return `${seen} ${((await once(socket, 'close')) as [number, Buffer]).join(' ')}`;
  },
};

/** What a page does for a feature; trailers do not reach one. */
const IN_PAGE = `async (feature, path, length) => {
  const octets = Uint8Array.from({ length }, (_, i) => i * 31 + (i >>> 8));
  const sha = async body => {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
    return [...digest].map(octet => octet.toString(16).padStart(2, '0')).join('');
  };
  if (feature === 'webSocket') {
    const socket = new WebSocket(path);
    socket.binaryType = 'arraybuffer';
    const next = type => new Promise((resolve, reject) => {
      socket.addEventListener(type, resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error('the WebSocket failed')), { once: true });
    });
    const echo = async message => {
      socket.send(message);
      return (await next('message')).data;
    };
    await next('open');
    const seen = await echo('hello') + ' ' + await sha(await echo(octets));
    socket.close(1000, 'done');
    const { code, reason } = await next('close');
    return seen + ' ' + code + ' ' + reason;
  }
  const response = await fetch(path, feature === 'get' ? {} : { method: 'POST', body: octets });
  return response.status + ' ' + await sha(await response.arrayBuffer());
}`;

const browsers: Promise<Browser>[] = [];
afterAll(() => Promise.all(browsers.map(async browser => (await browser).close())));

/** On HTTP/2, its WebSockets too (RFC 8441): the gateway is asked whether they were. */
function browserClient(name: string, isHere: boolean, start: () => Promise<Browser>): Client {
  // One for all pairs: it takes seconds to start.
  let browser: Promise<Browser> | null = null;
  return {
    name,
    missing: isHere ? null : name,
    features: ['get', 'post', 'webSocket'],
    ask: async (feature, { https, logged }) => {
      if (browser === null) {
        browser = start();
        browsers.push(browser);
      }
      const path = `${{ get: '/large', post: '/echo', webSocket: '/socket' }[feature as 'get']}?${name}`;
      const seen = await (await browser).evaluate(
        `${https}/`,
        `(${IN_PAGE})('${feature}', '${path}', ${UPLOAD.length})`,
      );
      const line = await logged(path);
      return / h2 /.test(line) ? seen : line;
    },
  };
}

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
        default:
          throw new Error(`nghttp knows no ${feature}`);
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
  WS,
  browserClient('Chromium', hasChromium, startChromium),
  browserClient('Firefox', hasFirefox, startFirefox),
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
    const tls = { ...DEFAULT_POOL.tls, ca: backend.ca ?? null };
    const backends = { app: { ...DEFAULT_POOL, targets: [{ url: backend.url, weight: 1 }], tls } };
    const accessLog = join(directory, `${name}.log`);
    const settings = { ...DEFAULT_SETTINGS, backends, to: ['app'], https: any, http: any, inspector: null, accessLog };
    gateway = await startGateway(settings, { logger: new Logger('error'), developmentCaDirectory: directory });
    const port = (address: Gateway['http']): number => (address as { port: number }).port;
    door = {
      http: `http://127.0.0.1:${port(gateway.http)}`,
      https: `https://localhost:${port(gateway.https)}`,
      ca: gateway.rootCertificatePath!,
      directory,
      logged: path =>
        vi.waitUntil(async () => {
          const lines = (await readFile(accessLog, 'utf8')).split('\n');
          return lines.find(line => line.includes(`${path} `));
        }, 5000),
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
    test(line, { timeout: 120_000 }, async () => {
      const seen: Partial<Record<Feature, string>> = {};
      for (const feature of features) seen[feature] = await client.ask(feature, door);
      expect(seen).toEqual(Object.fromEntries(features.map(feature => [feature, EXPECTED[feature]])));
    });
  }
});
