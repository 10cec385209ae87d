/** A connection as it was at a moment. */
import { Blocked, type ConnectionFacts, type ConnectionState, TYPE_BUCKETS } from '@glassway/inspector-protocol';
import { RATE_SLOTS, Rate } from '../rates.ts';
import type { ConnectionEntry, StreamEntry } from '../state-entries.ts';
import type { TableSize } from '../table-sizes.ts';
import type { ConnectionTrace } from './frame-trace.ts';
import type { LimitEvent } from './journal.ts';
import type { Sources } from './stream-then.ts';

const SECOND_US = 1_000_000;
const DEFAULT_WINDOW = 65_535;

/** Octets of field sections after the moment, received and sent: on the wire, and of names and values. */
export interface SectionsSince {
  readonly wire: [received: number, sent: number];
  readonly plain: [received: number, sent: number];
}

/** What is known of a connection besides its entry. */
export interface ConnectionSources extends Sources {
  readonly trace: ConnectionTrace | undefined;
  readonly since: SectionsSince | undefined;
  readonly sizes: readonly TableSize[];
  readonly limits: ReadonlyMap<string, LimitEvent> | undefined;
}

/** A connection that had been opened, with its streams as they were then. */
export function connectionThen(
  sources: ConnectionSources,
  entry: ConnectionEntry,
  streams: Map<number, StreamEntry>,
  open: Map<number, StreamEntry>,
): ConnectionEntry {
  const { t, trace } = sources;
  const violations = entry.violations.filter(violation => violation.t <= t);
  const pings = entry.pings.filter(ping => ping.t <= t);
  return {
    facts: factsThen(sources, entry),
    state: stateThen(sources, entry, open, entry.violations.length - violations.length, pings.at(-1)?.us ?? -1),
    streams,
    open,
    rate: rateThen(trace, t),
    pings,
    violations,
    limits: new Map(sources.limits ?? []),
    settings: entry.settings.filter(moment => moment.t <= t),
  };
}

function factsThen({ t, sizes }: ConnectionSources, { facts, settings }: ConnectionEntry): ConnectionFacts {
  const closed = facts.closedAt >= 0 && facts.closedAt <= t;
  const told = (goAway: ConnectionFacts['goAwaySent']): ConnectionFacts['goAwaySent'] =>
    goAway !== null && goAway.at <= t ? goAway : null;
  const merged = (event: 'sent' | 'acked' | 'received'): ConnectionFacts['settings']['sent'] => {
    // Nothing changed since: also right where the frames that said it were not seen.
    if (!settings.some(moment => moment.event === event && moment.t > t)) return facts.settings[event];
    const values = new Map<number, number>();
    for (const moment of [...settings].reverse()) {
      if (moment.event === event && moment.t <= t) for (const [id, value] of moment.pairs) values.set(id, value);
    }
    return [...values];
  };
  const tableMax = (direction: 0 | 1, now: number): number => {
    const own = sizes.filter(size => size.direction === direction);
    if (!own.some(size => size.t > t)) return now;
    return own.findLast(size => size.t <= t)?.maxSize ?? 4096;
  };
  return {
    ...facts,
    closedAt: closed ? facts.closedAt : -1,
    closeReason: closed ? facts.closeReason : null,
    settings: { sent: merged('sent'), acked: merged('acked'), received: merged('received') },
    goAwaySent: told(facts.goAwaySent),
    goAwayReceived: told(facts.goAwayReceived),
    tableMax: { received: tableMax(0, facts.tableMax.received), sent: tableMax(1, facts.tableMax.sent) },
  };
}

function stateThen(
  { t, trace, since, log }: ConnectionSources,
  { facts, state, streams }: ConnectionEntry,
  open: ReadonlyMap<number, StreamEntry>,
  violationsSince: number,
  pingRttUs: number,
): ConnectionState {
  const closed = facts.closedAt >= 0 && facts.closedAt <= t;
  if (closed) return state;
  // Its beginning is kept, and nothing between that and the moment is missing: then the frames are all there were.
  const whole = facts.openedAt > Math.max(log.since, log.gapBefore);
  const counted = (total: number, before: number, after: number): number =>
    whole ? before : Math.max(before, total - after);
  const [before, after] = trace?.frames ?? NO_FRAMES;
  const [octetsBefore, octetsAfter] = trace?.octets ?? NO_PAIR;
  const [resetsBefore, resetsAfter] = trace?.resets ?? NO_PAIR;
  const h2 = facts.protocol === 'h2';
  let later = 0;
  for (const stream of streams.values()) if (stream.state.openedAt > t) later++;
  const rows = [...open.values()].map(stream => stream.state);
  const octets = (direction: 0 | 1): number => {
    const total = direction === 0 ? state.bytesReceived : state.bytesSent;
    if (h2) return counted(total, octetsBefore[direction]!, octetsAfter[direction]!);
    // The requests of HTTP/1.1 carry all there is, one after the other.
    let carried = 0;
    for (const { state: row } of streams.values()) {
      if (row.openedAt > t || open.has(row.stream)) continue;
      carried += direction === 0 ? row.bytesReceived : row.bytesSent;
    }
    for (const row of rows) carried += direction === 0 ? row.bytesReceived : row.bytesSent;
    return Math.min(total, carried);
  };
  const full = state.transportFullSince;
  return {
    ...state,
    openStreams: h2 ? rows.filter(row => row.state >= 3 && row.state <= 5).length : rows.length,
    totalStreams: Math.max(0, state.totalStreams - later),
    ...windowsThen(trace, whole),
    bytesReceived: octets(0),
    bytesSent: octets(1),
    frames: state.frames.map((total, at) => counted(total, before[at]!, after[at]!)),
    ...blockedThen(rows),
    transportFullSince: full >= 0 && full <= t ? full : firstSince(rows, Blocked.TRANSPORT),
    dataSentAt: trace?.dataSentAt ?? (state.dataSentAt <= t ? state.dataSentAt : -1),
    grantedAt: trace?.grantedAt ?? (state.grantedAt <= t ? state.grantedAt : -1),
    headerBlockStream: trace?.headerBlockStream ?? 0,
    headerBlockSince: trace?.headerBlockSince ?? -1,
    withheldBytes: rows.reduce((sum, row) => sum + row.withheldBytes, 0),
    pingRttUs,
    sectionBytesReceived: Math.max(0, state.sectionBytesReceived - (since?.wire[0] ?? 0)),
    sectionBytesSent: Math.max(0, state.sectionBytesSent - (since?.wire[1] ?? 0)),
    fieldBytesReceived: Math.max(0, state.fieldBytesReceived - (since?.plain[0] ?? 0)),
    fieldBytesSent: Math.max(0, state.fieldBytesSent - (since?.plain[1] ?? 0)),
    // Nobody tells when an entry left.
    evictionsReceived: Number.NaN,
    evictionsSent: Number.NaN,
    violations: Math.max(0, state.violations - violationsSince),
    resetsReceived: counted(state.resetsReceived, resetsBefore[0]!, resetsAfter[0]!),
    resetsSent: counted(state.resetsSent, resetsBefore[1]!, resetsAfter[1]!),
    lastActivityAt:
      state.lastActivityAt <= t
        ? state.lastActivityAt
        : Math.max(facts.openedAt, trace?.activityAt ?? -1, ...rows.map(row => row.lastProgressAt)),
  };
}

/* RFC 9113 6.9.2: a connection's windows begin with 65535 octets. NaN: no frame that tells is kept. */
function windowsThen(
  trace: ConnectionTrace | undefined,
  whole: boolean,
): Pick<ConnectionState, 'sendWindow' | 'receiveWindow'> {
  const told = (window: number | undefined): number =>
    window === undefined || Number.isNaN(window) ? (whole ? DEFAULT_WINDOW : Number.NaN) : window;
  return { sendWindow: told(trace?.sendWindow), receiveWindow: told(trace?.receiveWindow) };
}

function blockedThen(
  rows: readonly StreamEntry['state'][],
): Pick<ConnectionState, 'blocked' | 'blockedSince' | 'blockedStreams'> {
  const waiting = rows.filter(row => row.blocked === Blocked.CONNECTION_WINDOW);
  const transport = firstSince(rows, Blocked.TRANSPORT);
  if (waiting.length > 0) {
    const blockedSince = firstSince(rows, Blocked.CONNECTION_WINDOW);
    return { blocked: Blocked.CONNECTION_WINDOW, blockedSince, blockedStreams: waiting.length };
  }
  return { blocked: transport < 0 ? Blocked.NOT : Blocked.TRANSPORT, blockedSince: transport, blockedStreams: 0 };
}

function firstSince(rows: readonly StreamEntry['state'][], cause: number): number {
  const times = rows.filter(row => row.blocked === cause).map(row => row.blockedSince);
  return times.length === 0 ? -1 : Math.min(...times);
}

function rateThen(trace: ConnectionTrace | undefined, t: number): Rate {
  const rate = new Rate();
  let total = 0;
  rate.add(t - RATE_SLOTS * SECOND_US, 0);
  for (let second = RATE_SLOTS - 1; second >= 0; second--) {
    total += trace?.rate[second] ?? 0;
    rate.add(t - second * SECOND_US, total);
  }
  return rate;
}

const NO_FRAMES = [new Float64Array(2 * TYPE_BUCKETS), new Float64Array(2 * TYPE_BUCKETS)] as const;
const NO_PAIR = [new Float64Array(2), new Float64Array(2)] as const;
