/** The scenario in Bun, over memory, WHATWG streams and the sockets that Bun has: `bun hosts/bun.ts`. */
import { createServer, connect as dial, type Socket } from 'node:net';
import type { Link } from './conversation.ts';
import { inMemory, webStreams } from './links.ts';
import { report } from './report.ts';

async function tcp(): Promise<Link> {
  const listener = createServer();
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>(resolve => listener.once('connection', resolve));
  const client = dial((listener.address() as { port: number }).port, '127.0.0.1');
  const server = await accepted;
  listener.close();
  return { server, client, break: () => client.destroy(), endClientSide: () => client.end() };
}

await report({ 'pair() in memory': inMemory, 'WHATWG streams': webStreams, 'TCP sockets': tcp }, line =>
  process.stdout.write(`${line}\n`),
);
process.exit(0);
