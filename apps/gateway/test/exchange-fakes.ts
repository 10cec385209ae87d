/** Scripted legs: they record what the exchange does to them, in order, and say what the test makes them say. */
import { ErrorCode } from '@glassway/h2-core';
import { DEFAULT_POOL } from '../src/config/pool-settings.ts';
import type { RouteSettings } from '../src/config/route-settings.ts';
import { accept, type ExchangeContext } from '../src/exchange/exchange.ts';
import type {
  Backend,
  BackendLeg,
  BackendLegEvents,
  ClientFacts,
  ClientLeg,
  ClientLegEvents,
  RequestMessage,
  ResponseMessage,
  Trailers,
} from '../src/exchange/legs.ts';
import type { Reason } from '../src/exchange/reason.ts';
import type { ExchangeRecord } from '../src/exchange/record.ts';
import { compileRoutes } from '../src/routing/compile.ts';
import { type Route, Router } from '../src/routing/router.ts';
import { NO_TRACE, type Trace } from '../src/trace/trace.ts';
import { Member } from '../src/upstream/member.ts';
import { Pool, type PoolRules } from '../src/upstream/pool.ts';

export const FACTS: ClientFacts = {
  address: '192.0.2.7',
  port: 50000,
  protocol: 'h2',
  tls: true,
  connectionId: 3,
  streamId: 5,
};

export function request(over: Partial<RequestMessage> = {}): RequestMessage {
  return {
    method: 'GET',
    scheme: 'https',
    authority: 'example.com',
    path: '/',
    fields: [],
    sensitive: null,
    hasBody: false,
    contentLength: -1,
    ...over,
  };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (chunk: Uint8Array): string => new TextDecoder().decode(chunk);

/** Everything that happened on all legs of one test, one line each. */
export type Journal = string[];

export class FakeClient implements ClientLeg {
  readonly facts: ClientFacts;
  events!: ClientLegEvents;
  /** What the next writes answer; true when empty. */
  readonly writeAnswers: boolean[] = [];
  head: ResponseMessage | null = null;
  body = '';
  settledTimes = 0;
  readonly #journal: Journal;

  constructor(journal: Journal, facts: ClientFacts = FACTS) {
    this.#journal = journal;
    this.facts = facts;
  }

  inform(response: ResponseMessage): void {
    this.#journal.push(`client.inform ${response.status}`);
  }

  respond(response: ResponseMessage, end: boolean): void {
    this.head = response;
    this.#journal.push(`client.respond ${response.status}${end ? ' end' : ''}`);
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    this.body += decode(chunk);
    this.#journal.push(`client.write ${decode(chunk)}${end ? ' end' : ''}`);
    return this.writeAnswers.shift() ?? true;
  }

  trailers({ fields }: Trailers): void {
    this.#journal.push(`client.trailers ${fields.join(' ')}`);
  }

  reset(reason: Reason): void {
    this.#journal.push(`client.reset ${reason.code} ${reason.h2Code === ErrorCode.NO_ERROR ? 'NO_ERROR' : 'ERROR'}`);
  }

  consumed(count: number): void {
    this.#journal.push(`client.consumed ${count}`);
  }

  settled(): void {
    this.settledTimes++;
  }
}

export class FakeLeg implements BackendLeg {
  connectionId = 0;
  streamId = 0;
  readonly request: RequestMessage;
  readonly events: BackendLegEvents;
  /** What `cancel` answers; false: the test tells `onSettled`. */
  cancelSettles = true;
  readonly writeAnswers: boolean[] = [];
  readonly #journal: Journal;
  readonly #name: string;

  constructor(journal: Journal, name: string, request: RequestMessage, events: BackendLegEvents) {
    this.#journal = journal;
    this.#name = name;
    this.request = request;
    this.events = events;
  }

  /** The request found a connection. */
  assign(connectionId = 9, streamId = 1): void {
    this.connectionId = connectionId;
    this.streamId = streamId;
    this.events.onAssigned();
  }

  write(chunk: Uint8Array, end: boolean): boolean {
    this.#journal.push(`${this.#name}.write ${decode(chunk)}${end ? ' end' : ''}`);
    return this.writeAnswers.shift() ?? true;
  }

  trailers({ fields }: Trailers): void {
    this.#journal.push(`${this.#name}.trailers ${fields.join(' ')}`);
  }

  cancel(reason: Reason): boolean {
    this.#journal.push(`${this.#name}.cancel ${reason.code}`);
    return this.cancelSettles;
  }

  consumed(count: number): void {
    this.#journal.push(`${this.#name}.consumed ${count}`);
  }
}

export class FakeBackend implements Backend {
  readonly url: string;
  readonly legs: FakeLeg[] = [];
  readonly #journal: Journal;
  readonly #name: string;

  constructor(journal: Journal, name: string) {
    this.#journal = journal;
    this.#name = name;
    this.url = `http://${name}.test`;
  }

  get leg(): FakeLeg {
    return this.legs.at(-1)!;
  }

  send(message: RequestMessage, events: BackendLegEvents): BackendLeg {
    this.#journal.push(`${this.#name}.send ${message.method} ${message.path}`);
    const leg = new FakeLeg(this.#journal, this.#name, message, events);
    this.legs.push(leg);
    return leg;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Everything to one pool, unless `over` says otherwise. */
export function routeTo(pool: Pool, over: Partial<Route> = {}): Route {
  return {
    host: '',
    path: null,
    prefix: '/',
    methods: null,
    headers: null,
    priority: 0,
    action: { kind: 'forward', pool, rewritePrefix: null, request: null },
    response: null,
    ...over,
  };
}

interface OpenOptions {
  readonly backends?: number;
  readonly facts?: ClientFacts;
  readonly via?: string;
  readonly rules?: PoolRules;
  /** Default: everything to the backends. Whatever `to` says, it goes there. */
  readonly routes?: readonly RouteSettings[];
}

/** One exchange between a fake client and fake backends `a`, `b`, ... */
export function open(message: RequestMessage, over: OpenOptions = {}) {
  const journal: Journal = [];
  const records: ExchangeRecord[] = [];
  const names = ['a', 'b', 'c', 'd', 'e'].slice(0, over.backends ?? 1);
  const backends = names.map(name => new FakeBackend(journal, name));
  const client = new FakeClient(journal, over.facts);
  const trace: Trace = {
    ...NO_TRACE,
    paired: (...numbers) => void journal.push(`paired ${numbers.join(' ')}`),
    reasoned: (connection, stream, reason) => void journal.push(`reasoned ${connection} ${stream} ${reason.code}`),
  };
  let time = 0;
  const members = backends.map(backend => new Member(backend, 1));
  const pool = new Pool('test', over.rules ?? DEFAULT_POOL, members);
  const context: ExchangeContext = {
    router: over.routes === undefined ? new Router([routeTo(pool)]) : compileRoutes(over.routes, () => pool),
    heldBytes: 0,
    maxHeldBytes: 0,
    policy: { pseudonym: over.via ?? 'gw-test', isTrusted: () => false },
    trace,
    records: { write: record => void records.push(record), event: () => {} },
    reasonHeader: '',
    tunnels: new Set(),
    open: new Set(),
    tracer: null,
    clock: () => time++,
  };
  accept(context, message, client);
  /** One more request, of another client. */
  const another = (next: RequestMessage): { readonly client: FakeClient } => {
    const other = new FakeClient(journal, over.facts);
    accept(context, next, other);
    return { client: other };
  };
  return { another, pool, journal, records, client, backends, backend: backends[0]!, context };
}
