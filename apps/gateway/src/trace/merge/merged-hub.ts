/**
 * One hub over several: what the workers' hubs tell becomes one log of frames, one of sections, one of events and one state,
 * and any number of viewers looks at that as at a single gateway.
 *
 *     worker's hub --> lane --> merge by time --> ring, logs and rows --> audience
 *
 * It is a viewer of those hubs itself, with a viewer's credit: it acknowledges what it has merged, so what waits between a
 * worker and here is bounded, and what a worker then drops is told on. While nobody looks, it looks at nobody.
 */
import {
  type ClientMessage,
  FrameMatcher,
  type LogEvent,
  ProtocolError,
  packSections,
  type ReasonFacts,
  type Reply,
  type ServerMessage,
  TYPE_BUCKETS,
} from '@glassway/inspector-protocol';
import { FrameRingReader } from '../frame-ring.ts';
import { Audience, type AudienceOptions } from '../hub/audience.ts';
import { countRecords } from '../hub/frame-counts.ts';
import { FrameFeed } from '../hub/frame-feed.ts';
import { Reception, type ReceptionOptions } from '../hub/reception.ts';
import { VerdictWatch } from '../hub/verdict-watch.ts';
import type { Viewer, ViewerHost, ViewerPort } from '../hub/viewer.ts';
import { allocateFrames } from '../shared.ts';
import type { HubInput } from './input.ts';
import { Lane, type LaneEvents } from './lane.ts';
import { MergedRing } from './merged-ring.ts';
import { MergedRows } from './merged-rows.ts';
import { mergeByTime } from './time-merge.ts';

/** Sizes and times of a merged hub. */
export interface MergedHubOptions extends AudienceOptions, ReceptionOptions {
  /** Somebody looks again: `tick` is wanted often. */
  readonly onWake?: () => void;
  /** Octets of the ring of frames. Default as of `allocateFrames`. */
  readonly ringBytes?: number;
  /** How old frames must be before they are merged, so that those of other hubs can come, milliseconds. Default 48. */
  readonly mergeDelayMs?: number;
  /** How long the first viewer waits at most until all hubs have told what there is, milliseconds. Default 1500. */
  readonly gatherMs?: number;
}

type Asked<T extends ClientMessage['type']> = Extract<ClientMessage, { readonly type: T }>;

/** Records written before they are offered to the viewers. */
const PUMP_RECORDS = 32_768;
/** Questions of all viewers that may wait until the hubs have told what there is. */
const MAX_WAITING = 1024;
const EVERYTHING = new FrameMatcher({});

/** The hub over all workers. */
export class MergedHub implements ViewerHost {
  readonly #options: MergedHubOptions;
  readonly #lanes = new Map<HubInput, Lane>();
  readonly #ring: MergedRing;
  readonly #ringRecords: number;
  readonly #feed: FrameFeed;
  readonly #rows = new MergedRows<Lane>();
  readonly #audience: Audience;
  readonly #reception: Reception;
  readonly #verdicts: VerdictWatch;
  // Asked before the hubs had told what there is.
  #waiting: { readonly viewer: Viewer; readonly message: Asked<'subscribe' | 'get'> }[] = [];
  readonly #laneEvents: LaneEvents;
  // Of workers that have ended, and whose channels have not.
  readonly #leaving = new Set<Lane>();
  #pumpedTo = 0;
  #gatherUntil = 0;
  #asleep = true;
  // Somebody has been told what there is since it woke up.
  #answered = false;

  constructor(options: MergedHubOptions) {
    this.#options = options;
    const frames = allocateFrames(options.ringBytes);
    const reader = new FrameRingReader(frames);
    this.#ring = new MergedRing(frames);
    this.#ringRecords = reader.capacity;
    this.#feed = new FrameFeed(reader);
    this.#rows.onForgotten = connection => this.#feed.forget(connection);
    this.#audience = new Audience(this.#feed, reader.capacity, this.#rows, {
      ...options,
      payloadBytes: options.identity.payloadBytes ?? 0,
    });
    this.#reception = new Reception(this.#audience, reader.capacity, options);
    // The hubs tell of verdicts themselves; here only questions for them are answered.
    this.#verdicts = new VerdictWatch(this.#rows, () => {});
    this.#laneEvents = {
      rows: (lane, message) => this.#takeRows(lane, message),
      known: (words, count) => {
        for (const [connection, direction, type, n] of countRecords(words, 0, count, EVERYTHING).list()) {
          this.#feed.account(connection, direction * TYPE_BUCKETS + type, n);
        }
      },
      ended: lane => {
        this.#end(lane);
        if (this.#leaving.delete(lane)) this.#lanes.delete(lane.input);
      },
    };
  }

  /** Where clients connect to. */
  listensOn(listeners: readonly string[]): void {
    this.#reception.listensOn(listeners);
  }

  /** A worker has begun. */
  join(input: HubInput): void {
    const lane = new Lane(input, this.#laneEvents);
    this.#lanes.set(input, lane);
    if (!this.#asleep) lane.open();
  }

  /** A worker has ended: what it said last may still be under way, so its channel's end is waited for. */
  leave(input: HubInput): void {
    const lane = this.#lanes.get(input);
    if (lane === undefined) return;
    if (lane.isOpen) this.#leaving.add(lane);
    else this.#lanes.delete(input);
  }

  /** Workers that may still say something. */
  get inputs(): number {
    return this.#lanes.size;
  }

  /** Tells how everything ended, before the end. */
  finish(): void {
    this.#merge(this.#options.clock());
    this.#audience.hurry();
    this.tick();
  }

  /** True while nobody looks and nothing is asked for. */
  get asleep(): boolean {
    return this.#asleep;
  }

  /** Viewers attached. */
  get viewers(): number {
    return this.#audience.size;
  }

  /** An authenticated viewer arrived; HELLO is sent. */
  attach(port: ViewerPort): Viewer {
    const viewer = this.#reception.attach(port, this);
    if (this.#asleep) this.#wake();
    return viewer;
  }

  /** A viewer is gone. */
  detach(viewer: Viewer): void {
    this.#reception.detach(viewer);
    this.#waiting = this.#waiting.filter(each => each.viewer !== viewer);
  }

  #wake(): void {
    this.#asleep = false;
    this.#answered = false;
    this.#gatherUntil = this.#options.clock() + (this.#options.gatherMs ?? 1500) * 1000;
    // Everything is told anew; the log of frames goes on.
    this.#rows.clear();
    this.#feed.forgetAll();
    for (const lane of this.#lanes.values()) lane.open();
    this.#options.onWake?.();
  }

  #sleep(): void {
    this.#asleep = true;
    for (const lane of this.#lanes.values()) lane.close();
    for (const lane of this.#leaving) this.#lanes.delete(lane.input);
    this.#leaving.clear();
  }

  /** Merges what came and tells the viewers. Call about every 16 ms, while `asleep` not at all. */
  tick(): void {
    if (this.#asleep) return;
    const now = this.#options.clock();
    if (this.#reception.isDeserted(now)) {
      this.#sleep();
      return;
    }
    this.#audience.newRound();
    const gathering = now < this.#gatherUntil && [...this.#lanes.values()].some(lane => !lane.isCurrent);
    this.#merge(gathering ? Number.NEGATIVE_INFINITY : now - (this.#options.mergeDelayMs ?? 48) * 1000);
    this.#pump();
    this.#audience.sendItems();
    if (!gathering) this.#answerWaiting();
    if (this.#audience.stateDue(now)) this.#audience.sendState(now);
    for (const lane of this.#lanes.values()) lane.acknowledge();
  }

  #answerWaiting(): void {
    if (this.#waiting.length === 0) return;
    this.#answered = true;
    // What there was before somebody looked is to be in the logs' beginning, not in what is new.
    this.#merge(this.#options.clock());
    this.#pump();
    for (const { viewer, message } of this.#waiting.splice(0)) {
      if (message.type === 'subscribe') this.#audience.subscribe(viewer, message);
      else this.#answer(viewer, message);
    }
  }

  /** Merges what is not newer than `horizon`; frames before sections and events, which name them. */
  #merge(horizon: number): void {
    const lanes = [...this.#lanes.values()];
    mergeByTime(
      lanes.map(lane => lane.frames),
      horizon,
      (queue, until) => {
        const lane = lanes.find(each => each.frames === queue)!;
        const lost = queue.take(until, (words, first, count, from) => this.#append(lane, words, first, count, from));
        if (lost !== null) this.#lose(lane, lost);
      },
    );
    mergeByTime(
      lanes.map(lane => lane.sections),
      horizon,
      queue => {
        const section = queue.take();
        if (typeof section === 'number') {
          if (section > 0) this.#audience.lose(this.#audience.sections, section);
        } else this.#rows.sectionAt(section.connection, section.stream, this.#audience.section(section));
      },
    );
    mergeByTime(
      lanes.map(lane => lane.events),
      horizon,
      queue => {
        const event = queue.take();
        if (typeof event === 'number') {
          if (event > 0) this.#audience.lose(this.#audience.events, event);
        } else {
          const lane = lanes.find(each => each.events === queue)!;
          const seq = this.#place(lane, event);
          this.#audience.event({ ...event, seq } as LogEvent);
        }
      },
    );
    for (const lane of lanes) {
      lane.takeOctets(
        piece => this.#audience.payload(piece),
        count => this.#audience.lose(this.#audience.payloads, count),
      );
    }
  }

  /** Where an event was; a message of gRPC names the very frame, which another hub's may stand before. */
  #place(lane: Lane, event: LogEvent): number {
    const frame = event.kind === 'grpc-message' ? lane.positions.placeOf(event.seq) : -1;
    return frame >= 0 ? frame : lane.positions.translate(event.seq, this.#ring.position);
  }

  #append(lane: Lane, words: Uint32Array, first: number, count: number, from: number): void {
    for (const [connection] of countRecords(words, first, first + count, EVERYTHING).list()) {
      this.#rows.own(lane, connection);
    }
    lane.positions.add(from, this.#ring.position, count);
    this.#ring.append(words, first, count);
    if (this.#ring.position - this.#pumpedTo > Math.min(PUMP_RECORDS, this.#ringRecords / 4)) this.#pump();
  }

  #pump(): void {
    this.#ring.publish();
    this.#pumpedTo = this.#ring.position;
    // It reads as often as it writes, so nothing is ever overwritten unread.
    this.#audience.pump(() => false);
  }

  /** A hub will not tell of these frames. */
  #lose(lane: Lane, counts: readonly (readonly [number, number, number, number])[]): void {
    const byConnection = new Map<number, Float64Array>();
    for (const [connection, direction, type, count] of counts) {
      let lost = byConnection.get(connection);
      if (lost === undefined) {
        lost = new Float64Array(2 * TYPE_BUCKETS);
        byConnection.set(connection, lost);
        if (connection !== 0) this.#rows.own(lane, connection);
      }
      lost[direction * TYPE_BUCKETS + type]! += count;
    }
    this.#leaveOut(byConnection);
  }

  #leaveOut(byConnection: ReadonlyMap<number, Float64Array>): void {
    let total = 0;
    for (const lost of byConnection.values()) for (const count of lost) total += count;
    if (total === 0) return;
    this.#pump();
    const loss = this.#feed.leaveOut(byConnection);
    this.#ring.skip(total);
    this.#ring.publish();
    this.#pumpedTo = this.#ring.position;
    this.#audience.loseFrames(loss);
  }

  #takeRows(lane: Lane, message: Extract<ServerMessage, { type: 'snapshot' | 'state' }>): void {
    if (message.type === 'state') {
      this.#rows.apply(lane, message.rows, message.reset);
      return;
    }
    this.#rows.apply(lane, message.rows, true);
    // Whoever is told already must hear that he will not get what was before; the others begin behind it.
    if (this.#answered) this.#lose(lane, message.before);
    else {
      for (const [connection, direction, type, count] of message.before) {
        this.#feed.account(connection, direction * TYPE_BUCKETS + type, count);
      }
    }
  }

  /**
   * A worker is gone. What it told is all there will be: the counts of frames it told of and those that came are made to
   * agree, and its connections are over.
   */
  #end(lane: Lane): void {
    this.#merge(Math.max(lane.frames.tailTime, lane.sections.tailTime, lane.events.tailTime));
    this.#pump();
    const t = this.#options.clock();
    const { worker } = lane.input;
    const reason: ReasonFacts = {
      code: 'worker_ended',
      text: `worker ${worker} ended, and its connections with it`,
      rule: 'worker-ended',
      rfc: '',
    };
    const missing = new Map<number, Float64Array>();
    const owned = [...this.#rows.connectionsOf(lane)];
    this.#rows.disown(lane);
    for (const id of owned) {
      const seen = this.#feed.accounted(id) ?? new Float64Array(2 * TYPE_BUCKETS);
      const told = this.#rows.connections.get(id)?.state.frames ?? [];
      const lost = Float64Array.from(seen, (count, place) => Math.max(0, (told[place] ?? 0) - count));
      if (lost.some(count => count > 0)) missing.set(id, lost);
      const produced = Array.from(seen, (count, place) => count + lost[place]!);
      if (this.#rows.end(id, worker, t, reason, produced)) {
        this.#audience.event({ kind: 'connection-closed', t, seq: this.#ring.position, connection: id, reason });
      }
    }
    this.#leaveOut(missing);
  }

  /** Answers SUBSCRIBE: at once, or when the hubs have told what there is. */
  subscribe(viewer: Viewer, message: Asked<'subscribe'>): void {
    this.#wait(viewer, message);
  }

  /** Answers GET. */
  get(viewer: Viewer, message: Asked<'get'>): void {
    this.#wait(viewer, message);
  }

  #wait(viewer: Viewer, message: Asked<'subscribe' | 'get'>): void {
    if (this.#waiting.length >= MAX_WAITING) throw new ProtocolError('asks for more than can be answered');
    this.#waiting.push({ viewer, message });
    this.tick();
  }

  #answer(viewer: Viewer, message: Asked<'get'>): void {
    const { id } = message;
    if (message.what === 'verdicts') {
      const now = this.#options.clock();
      viewer.tell({ type: 'reply', id, what: 'verdicts', now, verdicts: [...this.#verdicts.stuck(now)] });
      return;
    }
    const { connection } = message;
    const lane = this.#rows.ownerOf(connection);
    if (lane === undefined) {
      viewer.tell(this.#ofEnded(message));
      return;
    }
    lane.ask(message, reply => {
      if (this.#audience.has(viewer)) viewer.tell(reply === null ? this.#ofEnded(message) : { ...reply, id });
    });
  }

  /** What is known here of a connection whose hub does not answer. */
  #ofEnded(message: Extract<Asked<'get'>, { readonly what: 'sections' | 'tables' }>): Reply {
    const { id, connection } = message;
    const known = this.#rows.connections.get(connection);
    if (known === undefined)
      return { type: 'reply', id, what: 'error', message: `connection ${connection} is not known` };
    if (message.what === 'tables') {
      const text = `the worker of connection ${connection} does not answer: its dynamic tables are not known`;
      return { type: 'reply', id, what: 'error', message: text };
    }
    const kept = this.#audience.keptSections(known.streams.get(message.stream)?.sections ?? []);
    return { type: 'reply', id, what: 'sections', packed: packSections(kept) };
  }
}
