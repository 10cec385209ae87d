/**
 * The listener for those who run the gateway: health, metrics, and an API behind a token. It runs in the main thread and
 * answers from what is there; it never waits for traffic, and traffic never for it.
 *
 *     GET  /livez                200 while the process runs
 *     GET  /readyz               200, or 503 once the gateway is told to stop
 *     GET  /metrics              Prometheus
 *     GET  /api/state            version, revision of the configuration, what is open          (these with the token)
 *     GET  /api/connections      client connections
 *     GET  /api/requests         requests under way, and what each waits for
 *     GET  /api/config           the settings in force
 *     POST /api/drain            begins to stop, as SIGTERM does
 *     POST /api/reload           reads the configuration file again, as SIGHUP does
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import type { ListenAddress } from '../config/address.ts';
import { type Family, renderFamilies } from '../telemetry/families.ts';
import { TokenCheck } from './guard.ts';
import { SECURITY_HEADERS } from './headers.ts';

/** What the listener answers from. */
export interface Operations {
  /** False once the gateway was told to stop. */
  readonly isReady: boolean;
  metrics(): Promise<readonly Family[]> | readonly Family[];
  state(): Promise<object> | object;
  connections(): Promise<readonly object[]> | readonly object[];
  requests(): Promise<readonly object[]> | readonly object[];
  config(): Promise<object> | object;
  /** Begins to stop; returns at once. */
  drain(): void;
  /** Has the configuration read again. Null: there is no file to read. */
  readonly reload: (() => Promise<object>) | null;
}

/** What the listener is started with. */
export interface AdminOptions extends ListenAddress {
  readonly token: string;
  /** Names it answers to, besides addresses and `localhost`. */
  readonly names: readonly string[];
}

/** A running admin listener. */
export interface Admin {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 256;

/** Starts to listen. Throws the system's error when it cannot. */
export async function startAdmin(options: AdminOptions, operations: Operations): Promise<Admin> {
  const token = new TokenCheck(options.token);
  const server = createServer(
    { maxHeaderSize: 16 * 1024, headersTimeout: 5000, requestTimeout: 10_000, keepAliveTimeout: 75_000 },
    (request, response) => {
      request.resume();
      void answer(request, options.names, token, operations)
        .catch((error: Error) => text(500, `${error.message}\n`))
        .then(made => send(response, request, made));
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { host: options.host, port, close };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly allow?: string;
}

async function answer(
  { method = '', url = '', headers, headersDistinct }: IncomingMessage,
  names: readonly string[],
  token: TokenCheck,
  operations: Operations,
): Promise<Answer> {
  if (headersDistinct['host']?.length !== 1 || !isKnownHost(headers.host!, names)) {
    // A page of any site can make a browser ask here by a name that it controls; it cannot by an address.
    return text(403, `This listener does not answer to the name "${headers.host ?? ''}": add it to adminHost.\n`);
  }
  const path = url.split('?', 1)[0]!;
  const isRead = method === 'GET' || method === 'HEAD';
  if (path === '/livez' || path === '/readyz' || path === '/metrics') {
    if (!isRead) return { ...text(405, 'Only GET and HEAD are served here.\n'), allow: 'GET, HEAD' };
    if (path === '/livez') return text(200, 'ok\n');
    if (path === '/readyz') return operations.isReady ? text(200, 'ready\n') : text(503, 'stopping\n');
    const body = renderFamilies(await operations.metrics());
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body };
  }
  if (!path.startsWith('/api/')) return text(404, 'There is /livez, /readyz, /metrics and /api/.\n');
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '');
  if (given === null || !token.matches(given[1]!)) {
    return text(401, 'The API needs the token: authorization: Bearer TOKEN\n');
  }
  const command = path.slice('/api/'.length);
  const isCommand = command === 'drain' || command === 'reload';
  if (isCommand ? method !== 'POST' : !isRead) {
    const allow = isCommand ? 'POST' : 'GET, HEAD';
    return { ...text(405, `Only ${allow} is served here.\n`), allow };
  }
  switch (command) {
    case 'state':
      return json(200, await operations.state());
    case 'connections':
      return json(200, await operations.connections());
    case 'requests':
      return json(200, await operations.requests());
    case 'config':
      return json(200, await operations.config());
    case 'drain':
      operations.drain();
      return json(202, { stopping: true });
    case 'reload':
      if (operations.reload === null) return json(409, { problem: 'the gateway was started without --config' });
      return json(202, await operations.reload());
    default:
      return text(404, 'There is state, connections, requests, config, drain and reload.\n');
  }
}

function isKnownHost(host: string, names: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/:[0-9]*$/, '');
  return name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0 || names.includes(name);
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}

function send(response: ServerResponse, request: IncomingMessage, { status, type, body, allow }: Answer): void {
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(allow === undefined ? {} : { allow }),
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      // Failing to accept one connection (no descriptors, no memory) is no reason to end.
      server.on('error', error => process.emitWarning(`the admin listener: ${error.message}`));
      resolve();
    });
  });
}
