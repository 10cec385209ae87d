/**
 * The recorder of one connection: every call of the core becomes a few numbers in shared memory. A frame costs one
 * record and some additions; nothing is allocated and nothing is formatted.
 */
import { Direction, RULES, type RuleId, SectionKind, SettingsEvent, type Tap } from '@glassway/h2-core';
import { CONNECTION_MASK, DIRECTION_BIT, FrameType, isContent, LEG_BIT, Mark } from '@glassway/inspector-protocol';
import { ConnectionRow } from './connection-row.ts';
import { EntryKind } from './entry-ring.ts';
import { LastLines } from './last-lines.ts';
import { clip, type Sink } from './sink.ts';
import { ConnectionF, ConnectionI } from './slots.ts';
import { StreamRows } from './stream-rows.ts';
import { type ConnectionFacts, Leg } from './trace.ts';
import { Way } from './way.ts';

const ACK = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const INITIAL_WINDOW_SIZE = 0x4;
/** A stream's share of the samples: so many whole ones in each direction, so that one long body leaves room for others. */
const SAMPLES_PER_STREAM = 256;
/** Settings of one frame that are shown; a frame may hold 2730. */
const MAX_PAIRS = 64;
/** Settings of one kind that are remembered per connection. */
const MAX_REMEMBERED = 64;
const SETTINGS_EVENTS = ['sent', 'acked', 'received'] as const;

/** Implements `Tap` for one connection, and holds its rows. HTTP/1.1 connections use the same rows, without frames. */
export class ConnectionTap implements Tap {
  readonly id: number;
  readonly facts: ConnectionFacts;
  readonly openedAt: number;
  readonly streams: StreamRows;
  readonly row: ConnectionRow;
  private readonly sink: Sink;
  private readonly inbound: Way;
  private readonly outbound: Way;
  private readonly settings: readonly Map<number, number>[] = [new Map(), new Map(), new Map()];
  // HTTP/1.1: of the last request, and of the last response.
  private requestLines: LastLines | null = null;
  private responseLines: LastLines | null = null;
  // Where in the log the DATA frame received last is.
  private dataSeq = 0;
  private fieldBytes = 0;
  private lastIndex = -1;
  private lastType = -1;
  private lastStream = -1;
  private violationType = -1;
  private violationStream = -1;
  private pingAt = -1;
  private pingLow = 0;
  private pingHigh = 0;

  constructor(sink: Sink, id: number, facts: ConnectionFacts) {
    this.id = id & CONNECTION_MASK;
    this.facts = facts;
    this.openedAt = sink.now;
    this.sink = sink;
    const leg = facts.leg === Leg.BACKEND ? LEG_BIT : 0;
    // Signed, which is a small integer to the engine; the octets are the same.
    this.inbound = new Way(this.id | leg);
    this.outbound = new Way(this.id | leg | DIRECTION_BIT);
    this.row = new ConnectionRow(sink, this.id);
    this.streams = new StreamRows(sink, this.id, this.row);
  }

  onFrame(
    direction: Direction,
    type: number,
    flags: number,
    streamId: number,
    length: number,
    connectionWindow: number,
    streamWindow: number,
    aux: number,
    bytes: Uint8Array,
    offset: number,
  ): void {
    const sink = this.sink;
    const way = this.way(direction);
    sink.touch();
    // The tap gives the windows of the receiving side for DATA received and WINDOW_UPDATE sent, else of the sending side.
    const receiving = direction === Direction.IN ? type === FrameType.DATA : type === FrameType.WINDOW_UPDATE;
    let mark = 0;
    let ref = 0;
    let extra = aux;
    let section = 0;
    if (type === FrameType.HEADERS || type === FrameType.PUSH_PROMISE) {
      section = this.takeSection(way, flags);
      if (section !== 0) {
        mark = way.redacted ? Mark.SECTION | Mark.REDACTED : Mark.SECTION;
        ref = section;
        if (type === FrameType.HEADERS) extra = section;
      }
    } else if (type === FrameType.RST_STREAM) {
      ref = aux;
      this.row.addInteger(ConnectionI.RESETS_RECEIVED + direction, 1);
    } else if (type === FrameType.GOAWAY) {
      ref = aux;
    } else if (type === FrameType.PING) {
      this.ping(direction, flags, bytes, offset, length);
    } else if (type === FrameType.DATA) {
      way.dataAt = 0;
      if (direction === Direction.IN) this.dataSeq = sink.frames.position;
      if ((flags & PADDED) !== 0 && offset < bytes.length) extra = bytes[offset]! + 1;
    }
    this.keepOctets(direction, type, flags, streamId, length, bytes, offset, section);
    if (this.violationType >= 0 && direction === Direction.IN) {
      if (this.violationType === type && this.violationStream === streamId) mark |= Mark.VIOLATION;
      this.violationType = -1;
    }
    this.row.frame(direction, type, length, receiving, connectionWindow);
    if (direction === Direction.IN) this.received(type, flags, streamId);
    let window = streamWindow;
    if (streamId !== 0) {
      mark |= this.streams.frame(streamId, direction, type, flags, length, receiving, streamWindow);
      window = this.streams.window;
    }

    const frames = sink.frames;
    this.lastIndex = direction === Direction.IN ? frames.index : -1;
    this.lastType = type;
    this.lastStream = streamId;
    frames.append(way.word, streamId, length, type, flags, mark, ref, connectionWindow, window, extra);
  }

  private keepOctets(
    direction: Direction,
    type: number,
    flags: number,
    streamId: number,
    length: number,
    bytes: Uint8Array,
    offset: number,
    section: number,
  ): void {
    if (type === FrameType.DATA || type === FrameType.CONTINUATION) return;
    const { sink } = this;
    const { word } = this.way(direction);
    if (type === FrameType.HEADERS || type === FrameType.PUSH_PROMISE) {
      // What goes on in CONTINUATION frames is known to be harmless only when they are gone.
      if (section === 0 || (flags & END_HEADERS) === 0) return;
      sink.sections.block(sink.octets, section, word, streamId, type, flags, length, bytes, offset);
      return;
    }
    const sent = direction === Direction.OUT;
    const seq = sink.frames.position;
    sink.octets.control(word, streamId, seq, type, length, bytes, offset, sent, isContent(type));
  }

  onData(direction: Direction, streamId: number, bytes: Uint8Array, start: number, end: number): void {
    const { sink } = this;
    if (!sink.bodies.followed && sink.octets.sampleBytes === 0) return;
    const slot = this.streams.slot(streamId);
    if (slot < 0) return;
    sink.touch();
    const way = this.way(direction);
    const at = way.dataAt;
    way.dataAt = at + end - start;
    const seq = direction === Direction.IN ? this.dataSeq : sink.frames.position;
    sink.bodies.data(slot, direction, this.id, streamId, seq, sink.now, at, bytes, start, end, sink.isDetailed);
    const most = sink.octets.sampleBytes;
    if (at >= most) return;
    const wanted = Math.min(end - start, most - at);
    const count = sink.bodies.sample(slot, direction, wanted, most * SAMPLES_PER_STREAM);
    if (count > 0) sink.octets.piece(way.word, streamId, seq, FrameType.DATA, at, bytes, start, count);
  }

  /** What only received frames tell of the connection. */
  private received(type: number, flags: number, streamId: number): void {
    if (type === FrameType.WINDOW_UPDATE) {
      if (streamId === 0) this.row.granted();
    } else if (type === FrameType.CONTINUATION) {
      if ((flags & END_HEADERS) !== 0) this.row.headerBlock(0);
    } else if ((type === FrameType.HEADERS || type === FrameType.PUSH_PROMISE) && (flags & END_HEADERS) === 0) {
      this.row.headerBlock(streamId);
    }
  }

  /** Number of the section that belongs to a HEADERS or PUSH_PROMISE frame, 0 for none. */
  private takeSection(way: Way, flags: number): number {
    const { section } = way;
    way.section = 0;
    if (section !== 0 || (flags & END_HEADERS) !== 0) return section;
    // Not complete yet: the section gets its number now and its content after the last CONTINUATION.
    way.redacted = false;
    way.continued = this.sink.sections.number();
    return way.continued;
  }

  private way(direction: Direction): Way {
    return direction === Direction.IN ? this.inbound : this.outbound;
  }

  onFieldSectionStart(direction: Direction, _streamId: number): void {
    this.sink.touch();
    this.fieldBytes = 0;
    this.sink.sections.begin(this.way(direction).table);
  }

  onField(
    _direction: Direction,
    name: string,
    value: string,
    representation: number,
    index: number,
    wireBytes: number,
  ): void {
    this.sink.sections.field(name, value, representation, index, wireBytes);
    this.fieldBytes += name.length + value.length;
  }

  onFieldSectionEnd(direction: Direction, streamId: number, kind: SectionKind, wireBytes: number): void {
    const { sections } = this.sink;
    const way = this.way(direction);
    const { continued } = way;
    const section = continued === 0 ? sections.number() : continued;
    sections.end(section, this.id, streamId, direction, kind, wireBytes);
    way.continued = 0;
    if (continued === 0) {
      way.section = section;
      way.redacted = sections.redacted;
    }
    this.streams.section(streamId, kind);
    if (kind === SectionKind.REQUEST || kind === SectionKind.RESPONSE) {
      const slot = this.streams.slot(streamId);
      if (slot >= 0) this.sink.bodies.head(slot, direction, sections.head.grpc);
    }
    this.row.addDouble(ConnectionF.FIELD_BYTES_RECEIVED + direction, this.fieldBytes);
    this.row.addDouble(ConnectionF.SECTION_BYTES_RECEIVED + direction, wireBytes);
  }

  /** HTTP/1.1: the field lines of the last message of this kind. */
  lastLines(kind: SectionKind): LastLines {
    if (kind === SectionKind.REQUEST) {
      this.requestLines ??= new LastLines();
      return this.requestLines;
    }
    this.responseLines ??= new LastLines();
    return this.responseLines;
  }

  onTableInsert(direction: Direction, _name: string, _value: string, _tableSize: number): void {
    this.sink.sections.inserted(this.way(direction).table);
  }

  onTableEvict(direction: Direction, count: number, _tableSize: number): void {
    this.row.addInteger(ConnectionI.EVICTIONS_RECEIVED + direction, count);
  }

  onTableResize(direction: Direction, maxSize: number): void {
    this.sink.touch();
    this.sink.event({ kind: 'table-resized', connection: this.id, direction, maxSize });
  }

  onStreamState(streamId: number, from: number, to: number): void {
    this.sink.touch();
    this.streams.state(streamId, from, to);
  }

  onSettings(event: SettingsEvent, pairs: readonly number[]): void {
    this.sink.touch();
    const remembered = this.settings[event]!;
    const list: [number, number][] = [];
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const id = pairs[i]!;
      const value = pairs[i + 1]!;
      if (list.length < MAX_PAIRS) list.push([id, value]);
      if (remembered.has(id) || remembered.size < MAX_REMEMBERED) remembered.set(id, value);
      if (id === INITIAL_WINDOW_SIZE && event !== SettingsEvent.SENT) {
        this.streams.initialWindow(event === SettingsEvent.ACKED, value);
      }
    }
    this.sink.event({ kind: 'settings', connection: this.id, event: SETTINGS_EVENTS[event], pairs: list });
  }

  onSendBlocked(streamId: number, cause: number, pendingBytes: number): void {
    this.sink.touch();
    this.streams.blocked(streamId, cause, pendingBytes);
  }

  onReceiveWithheld(streamId: number, bytes: number): void {
    this.sink.touch();
    if (streamId === 0) this.row.setDouble(ConnectionF.WITHHELD, bytes);
    else this.streams.withheld(streamId, bytes);
  }

  onTransport(writable: boolean): void {
    this.sink.touch();
    this.row.transport(writable);
  }

  onViolation(rule: string, rfc: string, streamId: number, frameType: number, message: string): void {
    const sink = this.sink;
    sink.touch();
    this.row.addInteger(ConnectionI.VIOLATIONS, 1);
    // The offending frame may have been told just before, or comes next.
    if (this.lastIndex >= 0 && this.lastType === frameType && this.lastStream === streamId) {
      sink.frames.mark(this.lastIndex, Mark.VIOLATION);
    } else {
      this.violationType = frameType;
      this.violationStream = streamId;
    }
    sink.event({
      kind: 'violation',
      connection: this.id,
      rule,
      rfc,
      stream: streamId,
      frameType,
      message: clip(message),
    });
  }

  onLimitNear(rule: string, used: number, limit: number): void {
    this.sink.touch();
    const { text } = RULES[rule as RuleId];
    this.sink.event({ kind: 'limit-near', connection: this.id, rule, text, used, limit });
  }

  onReset(streamId: number, code: number, initiator: 'user' | 'library' | 'remote', reason: string): void {
    this.sink.touch();
    this.sink.event({ kind: 'reset', connection: this.id, stream: streamId, code, initiator, reason: clip(reason) });
    this.streams.refused(streamId);
  }

  onGoAway(direction: Direction, lastStreamId: number, code: number, debug: string): void {
    this.sink.touch();
    this.sink.event({ kind: 'goaway', connection: this.id, direction, lastStreamId, code, debug: clip(debug) });
  }

  /** Tells again what lasts: facts, settings, and what open streams ask for. For a reader that lost them. */
  retell(): void {
    this.tellOpened(EntryKind.RETOLD);
    for (let event = 0; event < SETTINGS_EVENTS.length; event++) {
      const pairs = [...this.settings[event]!];
      if (pairs.length === 0) continue;
      this.sink.event(
        { kind: 'settings', connection: this.id, event: SETTINGS_EVENTS[event]!, pairs },
        EntryKind.RETOLD,
      );
    }
    this.streams.retell();
  }

  /** Writes the event of the connection's beginning. `kind`: EVENT or RETOLD. */
  tellOpened(kind: number): void {
    const { leg, protocol, negotiation, peer, local, tls } = this.facts;
    this.sink.event(
      {
        kind: 'connection-opened',
        connection: this.id,
        facts: {
          id: this.id,
          ...(this.sink.worker === null ? {} : { worker: this.sink.worker }),
          leg,
          protocol,
          negotiation,
          peer: clip(peer),
          local: clip(local),
          tls: tls && { version: tls.version, cipher: tls.cipher, servername: clip(tls.servername) },
          openedAt: this.openedAt,
          closedAt: -1,
          closeReason: null,
          settings: { sent: [], acked: [], received: [] },
          goAwaySent: null,
          goAwayReceived: null,
          tableMax: { received: 4096, sent: 4096 },
        },
      },
      kind,
    );
  }

  /** The connection is gone: all rows are finished. */
  close(): void {
    this.sink.touch();
    this.streams.close();
    this.row.close();
  }

  private ping(direction: Direction, flags: number, bytes: Uint8Array, offset: number, length: number): void {
    if (length !== 8 || bytes.length < offset + 8) return;
    const low = word32(bytes, offset);
    const high = word32(bytes, offset + 4);
    if (direction === Direction.OUT) {
      if ((flags & ACK) !== 0) return;
      this.pingAt = this.sink.now;
      this.pingLow = low;
      this.pingHigh = high;
    } else if ((flags & ACK) !== 0 && this.pingAt >= 0 && low === this.pingLow && high === this.pingHigh) {
      this.row.setDouble(ConnectionF.PING_RTT, this.sink.now - this.pingAt);
      this.pingAt = -1;
    }
  }
}

function word32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
