/**
 * Clients that other people wrote. For each feature: how the client is asked to try it, giving what it saw in the words of
 * `OF_A_CLIENT`; or, as a text, why it cannot.
 */
import { readFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import { join } from 'node:path';
import { pattern } from '../../hosts/check.ts';
import { PEERS, python, run, which } from '../../peers/programs.ts';
import { type ClientFeature, digest, POSTED } from './expectations.ts';
import { goMissing, goPeer } from './go.ts';
import type { OurServer, Security } from './our-server.ts';
import { fileOf, scratch } from './programs.ts';

/** Tries a feature. */
export type Ask = (server: OurServer) => Promise<string>;

/** A client. */
export interface TheirClient {
  readonly name: string;
  /** What is not installed here; null: it can be used. */
  readonly missing: string | null;
  readonly securities: readonly Security[];
  readonly features: Readonly<Record<ClientFeature, Ask | string>>;
}

/** A client that is one program for all features. */
function asProgram(ask: (feature: ClientFeature, server: OurServer) => Promise<string>): Record<ClientFeature, Ask> {
  const features: ClientFeature[] = [
    'get',
    'post',
    'head',
    'trailersDown',
    'trailersUp',
    'hints',
    'reset',
    'cancel',
    'shutdown',
    'push',
  ];
  return Object.fromEntries(features.map(feature => [feature, (server: OurServer) => ask(feature, server)])) as Record<
    ClientFeature,
    Ask
  >;
}

// curl ------------------------------------------------------------------------------------------------------------------

async function curl({ ca, security }: OurServer, ...args: string[]): Promise<string> {
  const how = security === 'TLS' ? ['--http2', '--cacert', ca] : ['--http2-prior-knowledge'];
  return (await run('curl', ['-sS', ...how, ...args])).output;
}

async function curlBody(server: OurServer, ...args: string[]): Promise<string> {
  const file = join(scratch(), 'out');
  const status = await curl(server, '-o', file, '-w', '%{http_code} %{http_version}', ...args);
  return status.endsWith(' 2') ? `${status.slice(0, 3)} ${digest(readFileSync(file))}` : status;
}

const CURL: TheirClient = {
  name: 'curl',
  missing: which('curl') === null ? 'curl' : null,
  securities: ['cleartext', 'TLS'],
  features: {
    get: server => curlBody(server, `${server.base}/large`),
    post: server => curlBody(server, '--data-binary', `@${fileOf(POSTED)}`, `${server.base}/echo`),
    head: server =>
      curl(server, '-I', '-o', '/dev/null', '-w', '%{http_code} %{size_download}', `${server.base}/large`),
    trailersDown: async server => {
      const sum = /with trailersx-sum: (\d+)/.exec(await curl(server, '-i', `${server.base}/trailers`))?.[1];
      return `x-sum=${sum}`;
    },
    trailersUp: 'sends no trailers',
    hints: async server => {
      const seen = /HTTP\/2 (103).*?link: (\S+ \S+)\s.*HTTP\/2 (\d+)/s.exec(
        await curl(server, '-i', `${server.base}/hints`),
      );
      return seen?.slice(1).join(' ') ?? 'nothing';
    },
    reset: async server => /ENHANCE_YOUR_CALM/.exec(await curl(server, `${server.base}/reset`))?.[0] ?? 'nothing',
    cancel: 'gives up the whole connection',
    shutdown: server => curl(server, `${server.base}/drain`),
    push: 'refuses pushes',
  },
};

// nghttp ----------------------------------------------------------------------------------------------------------------

const nghttp = (...args: string[]): ReturnType<typeof run> => run('nghttp', ['--no-verify-peer', ...args]);

const NGHTTP: TheirClient = {
  name: 'nghttp',
  missing: which('nghttp') === null ? 'nghttp' : null,
  securities: ['cleartext', 'TLS'],
  features: {
    get: async ({ base }) => `200 ${digest((await nghttp(`${base}/large`)).octets)}`,
    post: async ({ base }) => `200 ${digest((await nghttp('-d', fileOf(POSTED), `${base}/echo`)).octets)}`,
    head: async ({ base }) => {
      const { output } = await nghttp('-v', '-H', ':method: HEAD', `${base}/large`);
      return `${/:status: (\d+)/.exec(output)?.[1]} ${output.match(/recv DATA/g)?.length ?? 0}`;
    },
    trailersDown: async ({ base }) => {
      const { output } = await nghttp('-v', `${base}/trailers`);
      return `x-sum=${/recv \(stream_id=\d+\) x-sum: (\d+)/.exec(output)?.[1]}`;
    },
    trailersUp: async ({ base }) =>
      (await nghttp('-d', fileOf(10), '--trailer', 'x-end: sent', '--expect-continue', `${base}/length`)).output,
    hints: async ({ base }) => {
      const { output } = await nghttp('-v', `${base}/hints`);
      return [...output.matchAll(/recv \(stream_id=\d+\) (?::status|link): (.+)/g)].map(([, value]) => value).join(' ');
    },
    reset: async ({ base }) => {
      const { output } = await nghttp('-v', `${base}/reset`);
      return /recv RST_STREAM.*\n.*error_code=(\w+)/.exec(output)?.[1] ?? output;
    },
    cancel: 'gives up the whole connection',
    shutdown: async ({ base }) => (await nghttp(`${base}/drain`)).output,
    push: async ({ base }) => {
      const { output } = await nghttp('-v', `${base}/push`);
      return `${/:path: (\S+)\n.*recv PUSH_PROMISE/.exec(output)?.[1]} ${/pushed body/.exec(output)?.[0]}`;
    },
  },
};

// node:http2 ------------------------------------------------------------------------------------------------------------

async function collect(stream: http2.ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Makes one request and gives everything that came of it. */
async function nodeRequest(
  session: http2.ClientHttp2Session,
  path: string,
  options: { method?: string; body?: Uint8Array; trailers?: Record<string, string> } = {},
): Promise<{ status: unknown; body: Buffer; trailers: http2.IncomingHttpHeaders; hints: string[] }> {
  const { method = 'GET', body, trailers } = options;
  const stream = session.request({ ':method': method, ':path': path }, { waitForTrailers: trailers !== undefined });
  const hints: string[] = [];
  let status: unknown;
  let received: http2.IncomingHttpHeaders = {};
  stream.on('headers', head => hints.push(`${head[':status']} ${head['link']}`));
  stream.on('response', head => {
    status = head[':status'];
  });
  stream.on('trailers', head => {
    received = head;
  });
  if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
  return { body: await collect(stream), status, trailers: received, hints };
}

async function nodeClient(feature: ClientFeature, { base, ca }: OurServer): Promise<string> {
  const session = http2.connect(base, { ca: readFileSync(ca) });
  try {
    return await nodeAsk(feature, session);
  } finally {
    session.destroy();
  }
}

async function nodeAsk(feature: ClientFeature, session: http2.ClientHttp2Session): Promise<string> {
  switch (feature) {
    case 'get':
    case 'post': {
      const post = { method: 'POST', body: pattern(POSTED) };
      const { status, body } = await (feature === 'get'
        ? nodeRequest(session, '/large')
        : nodeRequest(session, '/echo', post));
      return `${status} ${digest(body)}`;
    }
    case 'head': {
      const { status, body } = await nodeRequest(session, '/large', { method: 'HEAD' });
      return `${status} ${body.length}`;
    }
    case 'trailersDown':
      return `x-sum=${(await nodeRequest(session, '/trailers')).trailers['x-sum']}`;
    case 'trailersUp': {
      const request = { method: 'POST', body: pattern(10), trailers: { 'x-end': 'sent' } };
      return (await nodeRequest(session, '/length', request)).body.toString();
    }
    case 'hints': {
      const { status, hints } = await nodeRequest(session, '/hints');
      return [...hints, status].join(' ');
    }
    case 'reset': {
      const stream = session.request({ ':path': '/reset' });
      stream.on('error', () => {});
      await new Promise(done => stream.once('close', done));
      return stream.rstCode === http2.constants.NGHTTP2_ENHANCE_YOUR_CALM
        ? 'ENHANCE_YOUR_CALM'
        : String(stream.rstCode);
    }
    case 'cancel': {
      const stream = session.request({ ':path': '/endless' });
      await new Promise(done => stream.once('data', done));
      stream.close(http2.constants.NGHTTP2_CANCEL);
      return String((await nodeRequest(session, '/cancelled')).status);
    }
    case 'shutdown': {
      const goaway = new Promise(done => session.once('goaway', done));
      const { body } = await nodeRequest(session, '/drain');
      return `${body}${(await goaway) === 0 ? '' : ' with an error'}`;
    }
    case 'push': {
      const pushed = new Promise<string>(done =>
        session.on('stream', async (stream, head) => done(`${head[':path']} ${await collect(stream)}`)),
      );
      await nodeRequest(session, '/push');
      return pushed;
    }
  }
}

const NODE: TheirClient = {
  name: 'node:http2',
  missing: null,
  securities: ['cleartext', 'TLS'],
  features: asProgram(nodeClient),
};

// python3-h2 ------------------------------------------------------------------------------------------------------------

const PYTHON: TheirClient = {
  name: 'python3-h2',
  missing: python === null ? 'python3-h2' : null,
  securities: ['cleartext', 'TLS'],
  features: {
    ...asProgram(async (feature, { base, ca }) => {
      const args = [join(PEERS, 'client.py'), feature, base, ca];
      return (await run(python as string, args)).output.trim();
    }),
    shutdown: 'takes any GOAWAY for the end of everything',
  },
};

// Go --------------------------------------------------------------------------------------------------------------------

const GO: TheirClient = {
  name: 'Go net/http',
  missing: goMissing,
  securities: ['TLS'],
  features: {
    ...asProgram(async (feature, { base, ca }) => {
      const { output } = await run(await goPeer(), ['client', feature, base, ca]);
      const printed = output.trim();
      if (feature === 'reset')
        return /stream error: .*(ENHANCE_YOUR_CALM); received from peer/.exec(printed)?.[1] ?? printed;
      return feature === 'shutdown' ? printed.replace(/, 404$/, '') : printed;
    }),
    push: 'takes no pushes',
  },
};

/** All of them. Chromium has a file of its own. */
export const THEIR_CLIENTS: readonly TheirClient[] = [CURL, NGHTTP, NODE, PYTHON, GO];
