/** One hub as the merged hub sees it: the messages it sends, and what of them waits to be merged. */
import {
  BinaryKind,
  encodeMessage,
  type FieldSection,
  FRAMES_HEADER_BYTES,
  type FrameCount,
  type Get,
  type LogEvent,
  type PayloadPiece,
  parseLog,
  parseServerMessage,
  type Reply,
  readBinaryHeader,
  readFramesHeader,
  readPayloads,
  type ServerMessage,
} from '@glassway/inspector-protocol';
import type { HubInput, InputChannel } from './input.ts';
import { Positions } from './positions.ts';
import { FrameQueue, ItemQueue } from './time-merge.ts';

/** Frames, sections and events from before that are asked for when somebody begins to look. */
const BACKLOG = 10_000;
/** Questions that may wait for an answer; more are refused. */
const MAX_QUESTIONS = 64;

/** What a lane tells the merged hub. */
export interface LaneEvents {
  /** SNAPSHOT or STATE. */
  rows(lane: Lane, message: Extract<ServerMessage, { type: 'snapshot' | 'state' }>): void;
  /** Frames that were merged in an earlier look: `count` of `words`. */
  known(words: Uint32Array, count: number): void;
  /** It ended by itself. */
  ended(lane: Lane): void;
}

/** One hub. */
export class Lane {
  readonly input: HubInput;
  readonly frames: FrameQueue<readonly FrameCount[]> = new FrameQueue();
  readonly sections: ItemQueue<FieldSection> = new ItemQueue();
  readonly events: ItemQueue<LogEvent> = new ItemQueue();
  readonly positions: Positions = new Positions();
  /** Octets of frames; those of frames that have not been merged wait. */
  readonly #octets: { readonly pieces: readonly PayloadPiece[]; readonly lost: number; readonly to: number }[] = [];
  #octetsTaken = 0;
  readonly #hub: LaneEvents;
  readonly #questions = new Map<number, (reply: Reply | null) => void>();
  readonly #acknowledged = { frames: 0, fields: 0, events: 0, payloads: 0 };
  #channel: InputChannel | null = null;
  #asked = 0;
  // Where its frames ended when it was asked; -1: it has not said.
  #headAtStart = -1;
  // Frames before this position were merged in an earlier look.
  #known = 0;

  constructor(input: HubInput, events: LaneEvents) {
    this.input = input;
    this.#hub = events;
  }

  /** True while it is looked at. */
  get isOpen(): boolean {
    return this.#channel !== null;
  }

  /** True once everything from before it was asked is here, or nothing will come. */
  get isCurrent(): boolean {
    if (this.#channel === null) return true;
    return this.#headAtStart >= 0 && this.frames.end >= this.#headAtStart;
  }

  /** Begins to look. */
  open(): void {
    if (this.#channel !== null) return;
    this.#headAtStart = -1;
    this.#known = Math.max(this.#known, this.frames.taken);
    this.#channel = this.input.open({
      message: data => this.#receive(data),
      closed: () => {
        if (this.#channel === null) return;
        this.#channel = null;
        this.#settleAll();
        this.#hub.ended(this);
      },
    });
  }

  /** Looks no longer; what waits is forgotten, and will be told again as far as it is kept. */
  close(): void {
    this.#channel?.close();
    this.#channel = null;
    this.#settleAll();
    this.frames.clear();
    this.sections.clear();
    this.events.clear();
    this.#octets.length = 0;
  }

  /** Takes the octets of frames that were merged or are lost, message by message, and how many were lost. */
  takeOctets(take: (piece: PayloadPiece) => void, lose: (count: number) => void): void {
    for (;;) {
      const [first] = this.#octets;
      if (first === undefined) return;
      for (const piece of first.pieces) if (piece.seq >= this.frames.taken) return;
      this.#octets.shift();
      if (first.lost > 0) lose(first.lost);
      for (const piece of first.pieces) {
        const seq = this.positions.placeOf(piece.seq);
        if (seq >= 0) take({ ...piece, seq });
      }
      this.#octetsTaken = first.to;
    }
  }

  /** Tells the hub what was taken since. */
  acknowledge(): void {
    const done = this.#acknowledged;
    const frames = this.frames.taken;
    const fields = this.sections.taken;
    const events = this.events.taken;
    const payloads = this.#octetsTaken;
    if (this.#channel === null) return;
    if (frames === done.frames && fields === done.fields && events === done.events && payloads === done.payloads)
      return;
    const ack = {
      ...(frames === done.frames ? {} : { frames }),
      ...(fields === done.fields ? {} : { fields }),
      ...(events === done.events ? {} : { events }),
      ...(payloads === done.payloads ? {} : { payloads }),
    };
    Object.assign(done, { frames, fields, events, payloads });
    this.#channel.send(encodeMessage({ type: 'ack', ...ack }));
  }

  /** Asks the hub something; null: it is gone, or has too many questions before it. */
  ask(question: Get, then: (reply: Reply | null) => void): void {
    if (this.#channel === null || this.#questions.size >= MAX_QUESTIONS) {
      then(null);
      return;
    }
    const id = ++this.#asked;
    this.#questions.set(id, then);
    this.#channel.send(encodeMessage({ ...question, id }));
  }

  #settleAll(): void {
    const waiting = [...this.#questions.values()];
    this.#questions.clear();
    for (const then of waiting) then(null);
  }

  #receive(data: string | ArrayBuffer): void {
    if (typeof data !== 'string') {
      this.#receiveLog(data);
      return;
    }
    const message = parseServerMessage(data);
    switch (message.type) {
      case 'hello':
        // All together stay below the credit, of which octets may take half, so the hub may go on with any of them.
        for (const queue of [this.frames, this.sections, this.events]) queue.maxBytes = message.creditBytes / 8;
        this.#channel?.send(
          encodeMessage({
            type: 'subscribe',
            id: 1,
            frames: {},
            fields: {},
            events: true,
            payloads: {},
            backlog: BACKLOG,
          }),
        );
        return;
      case 'snapshot':
        // From here on positions are those of this subscription; what was known before may be told again.
        this.frames.begin(message.from.frames);
        this.sections.begin(message.from.fields);
        this.events.begin(message.from.events);
        this.#octets.length = 0;
        this.#octetsTaken = message.from.payloads;
        Object.assign(this.#acknowledged, message.from);
        this.#headAtStart = message.head.frames;
        this.#hub.rows(this, message);
        return;
      case 'state':
        this.#hub.rows(this, message);
        return;
      case 'dropped':
        if (message.log === 'frames') this.frames.addLost(message.counts, message.from, message.to);
        else if (message.log === 'fields') this.sections.addLost(message.count, message.to);
        else if (message.log === 'events') this.events.addLost(message.count, message.to);
        else this.#octets.push({ pieces: [], lost: message.count, to: message.to });
        return;
      case 'reply': {
        const then = this.#questions.get(message.id);
        this.#questions.delete(message.id);
        then?.(message);
      }
    }
  }

  #receiveLog(data: ArrayBuffer): void {
    const { kind } = readBinaryHeader(data);
    if (kind === BinaryKind.FRAMES) this.#receiveFrames(data);
    else if (kind === BinaryKind.PAYLOADS) {
      const { pieces, to } = readPayloads(data);
      this.#octets.push({ pieces, lost: 0, to });
    } else {
      const message = parseLog(data);
      if (message.type === 'fields') this.sections.add(message.sections, message.to, data.byteLength);
      else this.events.add(message.events, message.to, data.byteLength);
    }
  }

  #receiveFrames(message: ArrayBuffer): void {
    const { count, from, to } = readFramesHeader(message);
    const known = Math.min(count, Math.max(0, this.#known - from));
    if (known > 0) this.#hub.known(new Uint32Array(message, FRAMES_HEADER_BYTES), known);
    if (known < count) this.frames.add(message, FRAMES_HEADER_BYTES, known, count - known, from + known, to);
    else this.frames.addLost([], from, to);
  }
}
