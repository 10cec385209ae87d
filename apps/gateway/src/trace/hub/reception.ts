/** Who comes to a hub and goes. */
import { type Hello, PROTOCOL_VERSION, RECORD_BYTES } from '@glassway/inspector-protocol';
import type { Audience } from './audience.ts';
import type { Viewer, ViewerHost, ViewerPort } from './viewer.ts';

/** What HELLO says besides the hub's own numbers. */
export type HubIdentity = Pick<Hello, 'gateway' | 'name' | 'release' | 'epochMs' | 'revealed' | 'payloadBytes'>;

/** What a hub says of itself, and how long it stays. */
export interface ReceptionOptions {
  readonly identity: HubIdentity;
  /** Microseconds, as in the rows. */
  readonly clock: () => number;
  /** How long the hub goes on after the last viewer left, milliseconds. Default 10000. */
  readonly lingerMs?: number;
}

/** HELLO for those who come, and when the last is long gone. */
export class Reception {
  readonly #audience: Audience;
  readonly #ringRecords: number;
  readonly #options: ReceptionOptions;
  #listeners: readonly string[] = [];
  // A page that is reloaded shall find everything as it was.
  #lingersUntil = 0;

  /** `ringRecords`: how many frames the hub's ring holds. */
  constructor(audience: Audience, ringRecords: number, options: ReceptionOptions) {
    this.#audience = audience;
    this.#ringRecords = ringRecords;
    this.#options = options;
  }

  /** Where clients connect to: HELLO says so from now on, and calls the gateway by the first. */
  listensOn(listeners: readonly string[]): void {
    this.#listeners = listeners;
  }

  /** An authenticated viewer arrived, who is told HELLO. */
  attach(port: ViewerPort, host: ViewerHost): Viewer {
    const viewer = this.#audience.attach(port, host);
    viewer.tell(this.#hello());
    return viewer;
  }

  /** A viewer is gone. */
  detach(viewer: Viewer): void {
    this.#audience.detach(viewer);
    this.#lingersUntil = this.#options.clock() + (this.#options.lingerMs ?? 10_000) * 1000;
  }

  /** True when nobody looks, and has not for a while. */
  isDeserted(now: number): boolean {
    return this.#audience.size === 0 && now >= this.#lingersUntil;
  }

  #hello(): Hello {
    const [first] = this.#listeners;
    return {
      type: 'hello',
      version: PROTOCOL_VERSION,
      recordBytes: RECORD_BYTES,
      ...this.#options.identity,
      ...(first === undefined ? {} : { listeners: this.#listeners, name: first.replace(/^\w+:\/\//, '') }),
      now: this.#options.clock(),
      ringRecords: this.#ringRecords,
      creditBytes: this.#audience.creditBytes,
    };
  }
}
