/** The recorder: implements `Trace` over shared memory. Lives on the gateway's main thread. */
import type { Tap } from '@glassway/h2-core';
import { Blocked, type Obstacle, SectionKind, StateNumber } from '@glassway/inspector-protocol';
import type { Reason } from '../exchange/reason.ts';
import { ConnectionTap } from './connection-tap.ts';
import { EntryKind } from './entry-ring.ts';
import type { LastLines } from './last-lines.ts';
import { ConnectionNumbers } from './numbering.ts';
import type { SharedTrace } from './shared.ts';
import { clip, type NewEvent, Sink, type SinkOptions } from './sink.ts';
import { type ConnectionFacts, Leg, type Trace } from './trace.ts';

/** Connections told again in one turn. */
const RESYNC_CONNECTIONS = 50;
type BackendWaits = Extract<NewEvent, { kind: 'backend-waits' }>;

const { IDLE, OPEN, CLOSED } = StateNumber;

/** Records what happens on all connections of this process. */
export class Recorder implements Trace {
  private readonly sink: Sink;
  private readonly taps = new Map<number, ConnectionTap>();
  /** By backend; as many as are configured. */
  private readonly obstacles = new Map<string, BackendWaits>();
  private readonly numbers: ConnectionNumbers;
  // The tap found last: what happens on a connection of HTTP/1.1 is told in several calls one after the other.
  private last: ConnectionTap | null = null;

  /** `numbers`: where connections get theirs; default, those of the options' numbering. */
  constructor(shared: SharedTrace, options: SinkOptions, numbers?: ConnectionNumbers) {
    this.sink = new Sink(shared, options);
    this.numbers = numbers ?? new ConnectionNumbers(options.numbering);
  }

  connectionOpened(facts: ConnectionFacts): number {
    this.sink.touch();
    const id = this.numbers.next();
    const tap = new ConnectionTap(this.sink, id, facts);
    this.taps.set(id, tap);
    tap.tellOpened(EntryKind.EVENT);
    return id;
  }

  tap(connectionId: number): Tap | null {
    return this.find(connectionId);
  }

  private find(connectionId: number): ConnectionTap | null {
    const { last } = this;
    if (last !== null && last.id === connectionId) return last;
    const found = this.taps.get(connectionId);
    if (found === undefined) return null;
    this.last = found;
    return found;
  }

  connectionClosed(connectionId: number, reason: Reason | null): void {
    const tap = this.taps.get(connectionId);
    if (tap === undefined) return;
    this.taps.delete(connectionId);
    this.last = null;
    tap.close();
    this.sink.event({ kind: 'connection-closed', connection: connectionId, reason: facts(reason) });
  }

  http1Request(
    connectionId: number,
    ordinal: number,
    method: string,
    target: string,
    fields: readonly string[],
    host = '',
  ): void {
    const tap = this.find(connectionId);
    if (tap === null) return;
    tap.onStreamState(ordinal, IDLE, OPEN);
    const { sections } = this.sink;
    const last = tap.lastLines(SectionKind.REQUEST);
    sections.beginText(last);
    sections.textField(':method', method, last);
    sections.textField(':path', target, last);
    if (host !== '') sections.textField('host', host, last);
    this.section(tap, ordinal, tap.facts.leg === Leg.CLIENT ? 0 : 1, SectionKind.REQUEST, fields, last);
  }

  http1Response(connectionId: number, ordinal: number, status: number, fields: readonly string[]): void {
    const tap = this.find(connectionId);
    if (tap === null) return;
    this.sink.touch();
    const { sections } = this.sink;
    const kind = status < 200 ? SectionKind.INFORMATIONAL : SectionKind.RESPONSE;
    const last = tap.lastLines(kind);
    sections.beginText(last);
    sections.textField(':status', String(status), last);
    this.section(tap, ordinal, tap.facts.leg === Leg.CLIENT ? 1 : 0, kind, fields, last);
  }

  private section(
    tap: ConnectionTap,
    ordinal: number,
    direction: 0 | 1,
    kind: SectionKind,
    fields: readonly string[],
    last: LastLines,
  ): void {
    const { sections } = this.sink;
    for (let i = 0; i + 1 < fields.length; i += 2) sections.textField(fields[i]!, fields[i + 1]!, last);
    sections.end(sections.number(), tap.id, ordinal, direction, kind, 0);
    tap.streams.section(ordinal, kind);
    tap.streams.head(ordinal, direction);
  }

  http1Body(connectionId: number, ordinal: number, direction: 0 | 1, bytes: number): void {
    const tap = this.find(connectionId);
    if (tap === null) return;
    this.sink.touch();
    tap.row.body(direction, bytes);
    tap.streams.body(ordinal, direction, bytes);
  }

  http1Complete(connectionId: number, ordinal: number, direction: 0 | 1): void {
    this.sink.touch();
    this.find(connectionId)?.streams.complete(ordinal, direction);
  }

  http1Blocked(connectionId: number, ordinal: number, pendingBytes: number): void {
    const tap = this.find(connectionId);
    if (tap === null) return;
    this.sink.touch();
    tap.row.transport(pendingBytes === 0);
    tap.streams.blocked(ordinal, pendingBytes === 0 ? Blocked.NOT : Blocked.TRANSPORT, pendingBytes);
  }

  http1End(connectionId: number, ordinal: number, reason: Reason | null): void {
    const tap = this.find(connectionId);
    if (tap === null) return;
    if (reason !== null) this.reasoned(connectionId, ordinal, reason);
    tap.onStreamState(ordinal, OPEN, CLOSED);
  }

  waiting(clientConnection: number, clientStream: number, backend: string): void {
    const tap = this.find(clientConnection);
    if (tap === null) return;
    this.sink.touch();
    this.sink.detail({ kind: 'waiting', connection: clientConnection, stream: clientStream, backend: clip(backend) });
    tap.streams.queued(clientStream, true);
  }

  backendWaits(backend: string, obstacle: Obstacle, connectionId: number): void {
    const event: BackendWaits = { kind: 'backend-waits', connection: connectionId, backend: clip(backend), obstacle };
    const known = this.obstacles.get(backend);
    if (known?.obstacle === obstacle && known.connection === connectionId) return;
    this.obstacles.set(backend, event);
    this.sink.touch();
    this.sink.event(event);
  }

  paired(clientConnection: number, clientStream: number, backendConnection: number, backendStream: number): void {
    this.sink.touch();
    this.sink.numbers(EntryKind.PAIRED, clientConnection, clientStream, backendConnection, backendStream);
    this.find(clientConnection)?.streams.paired(clientStream, backendConnection, backendStream);
    this.find(backendConnection)?.streams.paired(backendStream, clientConnection, clientStream);
  }

  reasoned(connectionId: number, streamId: number, reason: Reason): void {
    this.sink.touch();
    this.find(connectionId)?.streams.queued(streamId, false);
    this.sink.event({ kind: 'reasoned', connection: connectionId, stream: streamId, reason: facts(reason)! });
  }

  /**
   * Tells again what a reader cannot do without: every open connection and what its streams ask for. A few connections
   * per turn, so that traffic is not held up.
   */
  resync(): void {
    this.sink.touch();
    // It may have begun to read after the strings in use now were told.
    this.sink.strings.restart(this.sink.frames.position, this.sink.now);
    for (const event of this.obstacles.values()) this.sink.event(event, EntryKind.RETOLD);
    this.resyncNext(this.taps.values());
  }

  private resyncNext(taps: Iterator<ConnectionTap>): void {
    this.sink.touch();
    for (let i = 0; i < RESYNC_CONNECTIONS; i++) {
      const next = taps.next();
      if (next.done === true) return;
      next.value.retell();
    }
    setImmediate(() => this.resyncNext(taps));
  }

  /** Publishes everything now instead of at the end of the turn. */
  flush(): void {
    this.sink.endTurn();
  }
}

function facts(reason: Reason | null): { code: string; text: string; rule: string; rfc: string } | null {
  return reason && { code: reason.code, text: clip(reason.text), rule: reason.rule, rfc: reason.rfc };
}
