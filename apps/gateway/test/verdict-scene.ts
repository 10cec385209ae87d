/** The stage of the verdicts' tests: real cores on the gateway's side, peers of hand-written octets, time that the test moves. */
import { Connection, type Stream } from '@glassway/h2-core';
import {
  type BackendState,
  backendKey,
  plainText,
  type StreamFacts,
  type StreamState,
  type StreamView,
  type Verdict,
  VerdictEngine,
} from '@glassway/inspector-protocol';
import { Leg } from '../src/trace/trace.ts';
import { get, headers, PREFACE, SETTINGS_ACK, settings } from './support/h2-frames.ts';
import { type Rig, type RigViewer, traceRig } from './trace-rig.ts';

type Pairs = readonly (readonly [number, number])[];

/** One of the gateway's ends, and the peer's octets. */
export class End {
  readonly id: number;
  readonly core: Connection;
  readonly streams = new Map<number, Stream>();
  /** False: the program holds everything back. */
  releases = true;
  readonly #scene: Scene;

  constructor(scene: Scene, leg: Leg, peer: Pairs) {
    this.#scene = scene;
    const { id, tap } = scene.rig.open({ leg });
    this.id = id;
    const release = (stream: Stream, bytes: number) => this.releases && this.core.release(stream, bytes);
    this.core = new Connection(
      {
        role: leg === Leg.CLIENT ? 'server' : 'client',
        tap,
        handler: {
          onRequest: stream => void this.streams.set(stream.id, stream),
          onData: (stream, chunk) => void release(stream, chunk.length),
        },
      },
      scene.ms,
    );
    const hello = [settings(...peer), SETTINGS_ACK];
    this.receive(...(leg === Leg.CLIENT ? [PREFACE, ...hello] : hello));
  }

  receive(...octets: readonly Uint8Array[]): void {
    this.core.receive(Buffer.concat(octets), this.#scene.ms);
    this.core.takeOutput();
  }

  /** The gateway asks the backend. */
  request(fields: readonly string[] = [], end = true): Stream {
    const head = { method: 'GET', scheme: 'http', authority: 'a', path: '/', protocol: '', fields, sensitive: null };
    const stream = this.core.request(head, end);
    this.core.takeOutput();
    return stream;
  }

  /** The gateway answers. */
  respond(id: number, fields: readonly string[] = []): Stream {
    const stream = this.streams.get(id)!;
    this.core.respond(stream, 200, fields, false);
    this.core.takeOutput();
    return stream;
  }

  write(stream: Stream, bytes: number, end = false): void {
    this.core.write(stream, new Uint8Array(bytes), end);
    this.core.takeOutput();
  }
}

/** Connections that are joined, a hub and its viewer, and what the engine says of a stream. */
export class Scene {
  readonly rig: Rig = traceRig({
    ringBytes: 65_536 * 40,
    entryBytes: 4 << 20,
    creditBytes: 1 << 30,
    stateIntervalMs: 0,
  });
  readonly viewer: RigViewer = this.rig.viewer();

  constructor() {
    this.viewer.subscribe();
  }

  get ms(): number {
    return this.rig.now / 1000;
  }

  client(peer: Pairs = []): End {
    return new End(this, Leg.CLIENT, peer);
  }

  backend(peer: Pairs = []): End {
    return new End(this, Leg.BACKEND, peer);
  }

  /** A client's stream 1 and the backend's stream 1, joined; both requests are complete. */
  pair(clientPeer: Pairs = [], backendPeer: Pairs = []): { client: End; backend: End; stream: Stream } {
    const client = this.client(clientPeer);
    const backend = this.backend(backendPeer);
    client.receive(headers(1, get('a')));
    const stream = backend.request();
    this.rig.recorder.paired(client.id, 1, backend.id, stream.id);
    return { client, backend, stream };
  }

  wait(ms: number): void {
    this.rig.recorder.flush();
    this.rig.now += ms * 1000;
    this.rig.hub.tick();
  }

  verdict(end: End | number, stream = 1): Verdict | null {
    this.rig.recorder.flush();
    this.rig.hub.tick();
    const backends = new Map<string, BackendState>();
    for (const message of this.viewer.texts) {
      if (message.type === 'state')
        for (const row of message.rows.backends) backends.set(backendKey(row.url, row.worker), row);
    }
    const { connections, connectionStates, streams, streamStates } = this.viewer.rows();
    const connection = (id: number) => {
      const facts = connections.get(id);
      const state = connectionStates.get(id);
      if (facts === undefined || state === undefined) return undefined;
      const of = new Map<number, StreamView>();
      for (const row of streamStates.values()) {
        if (row.connection !== id) continue;
        of.set(row.stream, { state: row as StreamState, facts: streams.get(`${id}:${row.stream}`) as StreamFacts });
      }
      return { facts, state, streams: of };
    };
    const engine = new VerdictEngine({ connection, backend: (url, worker) => backends.get(backendKey(url, worker)) });
    const view = connection(typeof end === 'number' ? end : end.id)!;
    return engine.look(this.rig.now).on(view, view.streams.get(stream)!);
  }

  text(end: End, stream = 1): string {
    return plainText(this.verdict(end, stream)?.sentence ?? []);
  }
}
