/** What our client does with a server, in the words of `OF_A_SERVER`. */
import { connect as dialTcp } from 'node:net';
import { type ClientConnection, connect, H2Error } from '@glassway/h2-core/client';
import { dial } from '@glassway/tls-alpn';
import { pattern } from '../../hosts/check.ts';
import { atEnd } from './at-end.ts';
import { sharedCa } from './certificates.ts';
import { digest, POSTED, type ServerFeature } from './expectations.ts';
import type { Security } from './our-server.ts';

/** A server of other people that runs. */
export interface TheirRunningServer {
  readonly port: number;
  /** Settles when the server has heard that a request was cancelled. */
  cancelled(): Promise<unknown>;
  /** Begins a graceful shutdown; without it the path `/drain` does. */
  readonly drain?: () => void;
}

/** Connects; the connection ends with the file's tests. */
export async function ourClient(port: number, security: Security): Promise<ClientConnection> {
  const ca = await sharedCa();
  const socket =
    security === 'TLS'
      ? (await dial(`https://localhost:${port}`, { ca: ca.rootCertificate, protocols: ['h2'] })).socket
      : dialTcp(port, '127.0.0.1');
  const client = await connect(socket, { authority: `localhost:${port}`, enablePush: true });
  atEnd(() => client.destroy());
  return client;
}

async function status(client: ClientConnection, path: string): Promise<number> {
  const { status, body } = await client.request({ path }).response;
  body.cancel();
  return status;
}

/** Tries a feature; gives what was seen. */
export async function tryFeature(
  feature: ServerFeature,
  client: ClientConnection,
  server: TheirRunningServer,
): Promise<string> {
  switch (feature) {
    case 'get': {
      const { status, body } = await client.request({ path: '/large' }).response;
      return `${status} ${digest(await body.bytes())}`;
    }
    case 'post': {
      const parts = Array.from({ length: POSTED / 50_000 }, (_, i) => pattern(50_000, i * 50_000));
      const { status, body } = await client.request({ method: 'POST', path: '/echo' }, parts).response;
      return `${status} ${digest(await body.bytes())}`;
    }
    case 'head': {
      const { status, body } = await client.request({ method: 'HEAD', path: '/large' }).response;
      return `${status} ${(await body.bytes()).length}`;
    }
    case 'many': {
      const bodies = await Promise.all(
        Array.from({ length: 100 }, async () => (await client.request({ path: '/trailers' }).response).body.text()),
      );
      return `${bodies.filter(text => text === 'with trailers').length} answered`;
    }
    case 'trailersDown': {
      const { body } = await client.request({ path: '/trailers' }).response;
      await body.bytes();
      return `x-sum=${(await body.trailers())?.get('x-sum')}`;
    }
    case 'trailersUp': {
      const exchange = client.request({
        method: 'POST',
        path: '/length',
        // Go drops trailers that were not announced.
        headers: { trailer: 'x-end' },
        endStream: false,
      });
      exchange.body.write(pattern(10));
      exchange.body.trailers({ 'x-end': 'sent' });
      return (await exchange.response).body.text();
    }
    case 'hints': {
      const exchange = client.request({ path: '/hints' });
      const seen: string[] = [];
      for await (const { status, headers } of exchange.informational) seen.push(`${status} ${headers.get('link')}`);
      return [...seen, (await exchange.response).status].join(' ');
    }
    case 'push': {
      const seen: string[] = [];
      const exchange = client.request({ path: '/push' });
      for await (const { path, response } of exchange.pushes)
        seen.push(`${path} ${await (await response).body.text()}`);
      await (await exchange.response).body.text();
      return seen.join();
    }
    case 'ping':
      return (await client.ping()) > 0 ? 'answered' : 'not answered';
    case 'reset': {
      try {
        await (await client.request({ path: '/reset' }).response).body.bytes();
        return 'no error';
      } catch (error) {
        if (!(error instanceof H2Error)) throw error;
        return `${error.scope} error by ${error.initiator}, then ${await status(client, '/nothing')}`;
      }
    }
    case 'cancel': {
      const exchange = client.request({ path: '/endless' });
      await (await exchange.response).body.next();
      exchange.abort();
      await server.cancelled();
      return String(await status(client, '/nothing'));
    }
    case 'shutdown': {
      const exchange = client.request({ method: 'POST', path: '/drain', endStream: false });
      const { body } = await exchange.response;
      const first = new TextDecoder().decode((await body.next()).value);
      server.drain?.();
      exchange.body.end();
      const rest = await body.text();
      const { error, goAway } = await client.closed;
      return `${first}${rest}, GOAWAY ${goAway?.code}, ${error === null ? 'closed cleanly' : error.rule}`;
    }
  }
}
