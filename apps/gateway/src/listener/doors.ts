/** The addresses that are listened on, and how they change while the gateway goes on. */
import { isDeepStrictEqual } from 'node:util';
import type { DevelopmentCa, ListenAddress } from '@glassway/tls-alpn';
import { formatAddress } from '../config/address.ts';
import { type HttpOptions, listenCleartext } from './cleartext-port.ts';
import type { ListenerContext } from './context.ts';
import type { Http1Listener } from './http1.ts';
import type { Http2Listener } from './http2.ts';
import type { Origin } from './registry.ts';
import { removeStaleSocket } from './stale-socket.ts';
import { type HttpsOptions, listenTls } from './tls.ts';

/** Where to listen. */
export interface Places {
  /** HTTP/1.1, Upgrade h2c and prior-knowledge HTTP/2 on one port. Absent: no cleartext port. */
  readonly http?: HttpOptions;
  /** HTTP/2 and HTTP/1.1 over TLS. Absent: no TLS port. */
  readonly https?: HttpsOptions;
}

/** A port in use. */
export interface Port {
  readonly address: ListenAddress;
  /** Stops accepting and frees the address. Idempotent. */
  close(): Promise<void>;
  /** The authority whose root clients have to trust; absent: none of ours. */
  readonly developmentCa?: DevelopmentCa | null;
}

/** Addresses that are open, but not yet instead of those before. Exactly one of the two is to be called. */
export interface Rebound {
  /** What was opened, and what is closed, as `http://127.0.0.1:8080`. Both empty: nothing changes. */
  readonly opened: readonly string[];
  readonly closed: readonly string[];
  /** Closes what is gone. */
  commit(): void;
  /** Goes back to the addresses before. Rejects when one of them cannot be opened again. */
  undo(): Promise<void>;
}

const KINDS = ['http', 'https'] as const;
type Kind = (typeof KINDS)[number];

/** A port that is listened on, and what was asked for when it was opened. */
interface Door {
  readonly kind: Kind;
  readonly options: HttpOptions | HttpsOptions;
  readonly origin: Origin;
  readonly port: Port;
}

/** What other places come to. */
interface Changes {
  readonly leaving: readonly Door[];
  readonly coming: readonly Pick<Door, 'kind' | 'options'>[];
  /** Of those that leave, those that have to before the others can come. */
  readonly inTheWay: readonly Door[];
}

/** The ports of one gateway, one of each kind at most. */
export class Doors {
  readonly #context: ListenerContext;
  readonly #http1: Http1Listener;
  readonly #http2: Http2Listener;
  readonly #doors = new Map<Kind, Door>();
  #closed = false;

  constructor(context: ListenerContext, http1: Http1Listener, http2: Http2Listener) {
    this.#context = context;
    this.#http1 = http1;
    this.#http2 = http2;
  }

  /** Null: not listening in cleartext. */
  get http(): ListenAddress | null {
    return this.#doors.get('http')?.port.address ?? null;
  }

  /** Null: not listening with TLS. */
  get https(): ListenAddress | null {
    return this.#doors.get('https')?.port.address ?? null;
  }

  /** Where the certificates come from when none were given; null otherwise. */
  get developmentCa(): DevelopmentCa | null {
    return this.#doors.get('https')?.port.developmentCa ?? null;
  }

  /** Whether a port has to be closed before another can be opened, so that for a moment nobody listens there. */
  collides(places: Places): boolean {
    return this.#changes(places).inTheWay.length > 0;
  }

  /** Opens what is new. Rejects with everything as it was when an address cannot be opened. */
  async rebind(places: Places): Promise<Rebound> {
    const { leaving, coming, inTheWay } = this.#changes(places);
    const opened: Door[] = [];
    const undo = async (): Promise<void> => {
      await Promise.all(opened.map(door => this.#leave(door)));
      for (const door of inTheWay) await this.#reopen(door);
    };
    await Promise.all(inTheWay.map(door => door.port.close()));
    try {
      for (const { kind, options } of coming) opened.push(await this.#open(kind, options, { isLeaving: false }));
      if (this.#closed) throw new Error('the gateway is closing');
    } catch (error) {
      await undo();
      throw error;
    }
    return {
      opened: opened.map(urlOf),
      closed: leaving.map(urlOf),
      commit: () => {
        for (const door of leaving) {
          this.#doors.delete(door.kind);
          void this.#leave(door);
        }
        for (const door of opened) this.#doors.set(door.kind, door);
        if (this.#closed) void this.close();
      },
      undo,
    };
  }

  #changes(places: Places): Changes {
    const changed = KINDS.filter(kind => !isDeepStrictEqual(placeOf(places[kind]), placeOf(this.#options(kind))));
    const leaving = changed.flatMap(kind => this.#doors.get(kind) ?? []);
    const coming = changed.flatMap(kind => {
      const options = places[kind];
      return options === undefined ? [] : [{ kind, options }];
    });
    // 0.0.0.0:80 cannot be had while 127.0.0.1:80 is ours: for a moment nobody listens there.
    const inTheWay = leaving.filter(door => coming.some(({ options }) => collide(options, door.port.address)));
    return { leaving, coming, inTheWay };
  }

  /** Stops accepting everywhere. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#doors.values()].map(({ port }) => port.close()));
  }

  #options(kind: Kind): HttpOptions | HttpsOptions | undefined {
    return this.#doors.get(kind)?.options;
  }

  async #leave({ origin, port }: Door): Promise<void> {
    this.#context.registry.leave(origin);
    await port.close();
  }

  /** Opens what was closed for another that did not come about; what has come in by it was not asked to leave. */
  async #reopen(door: Door): Promise<void> {
    this.#doors.delete(door.kind);
    if (this.#closed) return;
    try {
      this.#doors.set(door.kind, await this.#open(door.kind, again(door), door.origin));
    } catch (error) {
      const text = `${urlOf(door)} is not listened on any more, it could not be opened again: ${(error as Error).message}`;
      throw new Error(text, { cause: error });
    }
  }

  async #open(kind: Kind, options: HttpOptions | HttpsOptions, origin: Origin): Promise<Door> {
    const listen = (): Promise<Port> =>
      (kind === 'http' ? listenCleartext : listenTls)(options, origin, this.#context, this.#http1, this.#http2);
    const port = await listen().catch(async (error: Error) => {
      const { path } = options;
      if (path !== undefined && (await removeStaleSocket(path))) return listen();
      throw error;
    });
    return { kind, options, origin, port };
  }
}

/** What makes two places different. */
function placeOf(options: HttpOptions | HttpsOptions | undefined): unknown {
  if (options === undefined) return null;
  const { host = '127.0.0.1', port = 0, path } = options;
  return path === undefined ? { host, port } : { path };
}

/** They may not be had both at once. */
function collide(options: HttpOptions, address: ListenAddress): boolean {
  if ('path' in address) return options.path === address.path;
  return options.path === undefined && options.port === address.port;
}

/** The very address that a door had; with new keys for tickets, for which see `PlacesOf`. */
function again({ options, port: { address } }: Door): HttpOptions | HttpsOptions {
  const { ticketKeys: _, ...rest } = options as HttpsOptions;
  return 'path' in address ? rest : { ...rest, port: address.port };
}

function urlOf({ kind, port: { address } }: Door): string {
  return `${kind}://${formatAddress(address)}`;
}
