/** Two ends of a connection over a transport, and how they part. */
import { type ClientConnection, type ClientOptions, connect } from '@glassway/h2-core/client';
import { type FetchHandler, serve } from '@glassway/h2-core/fetch';
import {
  type Accepted,
  handshake,
  type ServerConnection,
  type ServerOptions,
  type Transport,
} from '@glassway/h2-core/server';
import { pattern, same } from './check.ts';

/** Both ends of a transport that was just made. */
export interface Link {
  readonly server: Transport;
  readonly client: Transport;
  /** Breaks it, as a lost network does; what the client is told then is up to the transport. */
  break(): void;
  /** The client's side says that it sends nothing more, and goes on reading where the transport can do that. */
  endClientSide(): void;
}

/** Makes a transport. */
export type Open = () => Promise<Link>;

/** One thing that has to work. */
export type Check = (open: Open) => Promise<void>;

/** Octets of a body beyond every window. */
export const LARGE = 3_000_000;
const HEAD = { authority: 'everywhere.example' };

/** Both ends of a connection. */
export interface Ends extends Link {
  readonly near: ServerConnection;
  readonly far: ClientConnection;
}

/** A connection whose requests are answered by `answer`; null leaves them to the check. */
export async function joined(
  open: Open,
  answer: ((accepted: Accepted) => unknown) | null,
  serverOptions: ServerOptions = {},
  clientOptions: ClientOptions = {},
): Promise<Ends> {
  const link = await open();
  const [near, far] = await Promise.all([
    handshake(link.server, serverOptions),
    connect(link.client, { ...HEAD, ...clientOptions }),
  ]);
  if (answer !== null) void answerAll(near, answer);
  return { ...link, server: link.server, client: link.client, near, far };
}

async function answerAll(near: ServerConnection, answer: (accepted: Accepted) => unknown): Promise<void> {
  for await (const accepted of near) void Promise.resolve(answer(accepted)).catch(() => {});
}

/** A connection served in the style of fetch. */
export async function fetched(
  open: Open,
  handler: FetchHandler,
): Promise<{ far: ClientConnection; near: ServerConnection }> {
  const link = await open();
  const [near, far] = await Promise.all([
    serve(link.server, handler, { onError: () => {} }),
    connect(link.client, { ...HEAD, scheme: 'https' }),
  ]);
  return { far, near };
}

/** Ends a connection in order, and sees that both sides call it clean. */
export async function parted({ near, far }: { near: ServerConnection; far: ClientConnection }): Promise<void> {
  same((await far.shutdown({ deadlineMs: 5000 })).cut, [], 'streams cut off');
  const [server, client] = await Promise.all([near.closed, far.closed]);
  same([server.code, server.error, client.code, client.error], [0, null, 0, null], 'how it ended');
  same([server.initiator, client.initiator], ['remote', 'user'], 'who ended it');
}

/** The pattern in pieces. */
export function* chunks(length: number, from = 0): Generator<Uint8Array, undefined> {
  for (let at = from; at < length; at += 49_999) yield pattern(Math.min(49_999, length - at), at);
}

/** Answers with the request's body. */
export const echo = ({ request, respond }: Accepted): Promise<void> => respond.send({}).pipeFrom(request.body);
