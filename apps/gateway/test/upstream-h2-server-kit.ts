/** HTTP/2 backends, independent and scripted, and clients to them, closed after each test. */
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import type { Backend } from '../src/exchange/legs.ts';
import { createBackend } from '../src/upstream/backend.ts';
import type { UpstreamOptions } from '../src/upstream/options.ts';
import { ScriptedH2, settings } from './upstream-h2-kit.ts';
import { eventually, RawBackend } from './upstream-kit.ts';

export const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const item of open.splice(0).reverse()) await item.close();
});

export function client(port: number, options: UpstreamOptions = {}): Backend {
  const backend = createBackend(`h2c://127.0.0.1:${port}`, options);
  open.push({ close: () => backend.close(0) });
  return backend;
}

/** An independent HTTP/2 server. */
export async function node(
  onStream: (stream: ServerHttp2Stream, path: string) => void,
  maxConcurrentStreams = 100,
): Promise<number> {
  const server: Http2Server = createServer({ settings: { maxConcurrentStreams, enableConnectProtocol: true } });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', session => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, String(headers[':path']));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      for (const session of sessions) session.destroy();
      return new Promise(resolve => server.close(resolve));
    },
  });
  return (server.address() as AddressInfo).port;
}

/** Scripted servers, one per connection, which have sent `first` (SETTINGS). */
export async function scripted(
  first: Buffer = settings(),
): Promise<{ port: number; peer: (index?: number) => Promise<ScriptedH2> }> {
  const peers: ScriptedH2[] = [];
  const server = await new RawBackend(connection => {
    const peer = new ScriptedH2(connection);
    peers.push(peer);
    peer.send(first);
  }).listen();
  open.push(server);
  return {
    port: server.port,
    peer: async (index = 0) => {
      await eventually(() => peers.length > index, `connection ${index}`);
      return peers[index]!;
    },
  };
}
