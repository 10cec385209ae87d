/** A stream as it was at a moment: its times cut there, its numbers from the frames. */
import {
  emptyStreamFacts,
  emptyStreamState,
  SectionKind,
  StateNumber,
  type StreamFacts,
  type StreamState,
} from '@glassway/inspector-protocol';
import type { Doubt } from '../../feed/model.ts';
import type { Sections } from '../sections.ts';
import type { BlockedSpan, ConnectionEntry, StreamEntry } from '../state-entries.ts';
import type { LogTrace, StreamTrace } from './frame-trace.ts';
import { type Standing, streamKey } from './journal.ts';

const INITIAL_WINDOW_SIZE = 4;
const DEFAULT_WINDOW = 65_535;

/** Where a moment is told from. */
export interface Sources {
  /** The moment, t. */
  readonly t: number;
  readonly log: LogTrace;
  readonly standing: Standing;
  readonly sections: Sections;
  /** The stream's other leg as it is now. */
  readonly other: (pair: NonNullable<StreamFacts['pair']>) => StreamEntry | undefined;
}

/** Whether a stream had been opened and had not closed. */
export function wasOpen({ state }: StreamEntry, t: number): boolean {
  return state.openedAt >= 0 && state.openedAt <= t && (state.closedAt < 0 || state.closedAt > t);
}

/** A stream that `wasOpen`, at the moment. `trace`: what frames tell of it. */
export function streamThen(
  sources: Sources,
  connection: ConnectionEntry,
  entry: StreamEntry,
  trace: StreamTrace | undefined,
): StreamEntry {
  const { t, standing } = sources;
  const now = entry.state;
  const cut = (time: number): number => (time >= 0 && time <= t ? time : -1);
  const key = streamKey(now.connection, now.stream);
  const spans = spansThen(entry.spans, t);
  const facts = factsThen(sources, connection, entry);
  const times = {
    headReceivedAt: cut(now.headReceivedAt),
    headSentAt: cut(now.headSentAt),
    endReceivedAt: cut(now.endReceivedAt),
    endSentAt: cut(now.endSentAt),
  };
  const wait = standing.waits.get(key);
  const queued =
    cut(now.queuedSince) >= 0 ? now.queuedSince : wait !== undefined && facts.pair === null ? wait.since : -1;
  const withheld = cut(now.withheldSince);
  const carried = carriedThen(sources, connection, entry, trace);
  const running = spans.at(-1);
  const blocked = running !== undefined && running.to < 0 ? running : undefined;
  const dataSentAt = trace?.dataSentAt ?? -1;
  const { blockedConnectionUs, blockedStreamUs, blockedTransportUs } = waited(spans);
  const state: StreamState = {
    ...now,
    ...times,
    ...carried.numbers,
    state: stateThen(entry, times),
    sendWindow: windowThen(1, connection, now.openedAt, trace, t),
    receiveWindow: windowThen(0, connection, now.openedAt, trace, t),
    blocked: (blocked?.cause ?? 0) as StreamState['blocked'],
    blockedSince: blocked?.from ?? -1,
    stalledSince: blocked === undefined ? -1 : Math.max(dataSentAt, unbroken(spans)),
    pendingBytes: blocked === undefined ? 0 : blocked.pendingBytes,
    withheldBytes: withheld < 0 ? 0 : now.withheldBytes,
    withheldSince: withheld,
    withheldUs: 0,
    grantedAt: trace?.grantedAt ?? cut(now.grantedAt),
    queuedSince: queued,
    queuedUs: queued >= 0 ? 0 : now.queuedUs,
    blockedConnectionUs,
    blockedStreamUs,
    blockedTransportUs,
    blockedSchedulerUs: 0,
    closedAt: -1,
    lastProgressAt: progressThen(now, times, trace, t),
  };
  return { facts, state, reserved: entry.reserved, spans, progress: entry.progress, doubt: carried.doubt };
}

/** A stream of which only frames that are kept tell, as when more have closed since than the page remembers. */
export function streamOfFrames(sources: Sources, connection: ConnectionEntry, trace: StreamTrace): StreamEntry {
  const { id, leg } = connection.facts;
  const opened = emptyStreamState(id, trace.stream, trace.firstAt);
  const [endReceivedAt, endSentAt] = trace.endAt;
  const sections = sources.sections.of(id, trace.stream).filter(section => section.t <= sources.t);
  const value = (kind: SectionKind, name: string): string =>
    sections.find(section => section.kind === kind)?.fields.find(field => field.name === name)?.value ?? '';
  const request = value.bind(null, SectionKind.REQUEST);
  const answered = sections.find(section => section.kind === SectionKind.RESPONSE)?.t ?? -1;
  const facts: StreamFacts = {
    ...emptyStreamFacts(id, trace.stream),
    method: request(':method'),
    scheme: request(':scheme'),
    authority: request(':authority'),
    path: request(':path'),
    status: Number(value(SectionKind.RESPONSE, ':status')),
    contentType: value(SectionKind.RESPONSE, 'content-type'),
  };
  const state: StreamState = {
    ...opened,
    headReceivedAt: leg === 0 ? trace.firstAt : answered,
    headSentAt: leg === 1 ? trace.firstAt : answered,
    endReceivedAt,
    endSentAt,
  };
  return streamThen(sources, connection, { facts, state, reserved: 0, spans: [], progress: [], doubt: null }, trace);
}

function stateThen(
  { state, reserved }: StreamEntry,
  times: Pick<StreamState, 'headReceivedAt' | 'headSentAt' | 'endReceivedAt' | 'endSentAt'>,
): number {
  if (times.endReceivedAt >= 0 && times.endSentAt >= 0) return StateNumber.CLOSED;
  if (times.endReceivedAt >= 0) return 5;
  if (times.endSentAt >= 0) return 4;
  // RFC 9113 5.1: what was promised is reserved until its field section.
  if (reserved !== 0 && (reserved === 1 ? times.headSentAt : times.headReceivedAt) < 0) return reserved;
  return state.openedAt < 0 ? StateNumber.IDLE : StateNumber.OPEN;
}

/* Known at the moment: what the sections until then said, what came with the other leg, and what the gateway had decided. */
function factsThen(sources: Sources, connection: ConnectionEntry, { facts, state }: StreamEntry): StreamFacts {
  const { t, sections, standing, other } = sources;
  const client = connection.facts.leg === 0;
  const key = streamKey(facts.connection, facts.stream);
  const known = sections.of(facts.connection, facts.stream);
  const response = known.find(section => section.kind === SectionKind.RESPONSE);
  const head = response?.t ?? (client ? state.headSentAt : state.headReceivedAt);
  const answered = head >= 0 && head <= t;
  const end = client ? state.endSentAt : state.endReceivedAt;
  const pair = facts.pair === null ? undefined : other(facts.pair);
  return {
    ...facts,
    status: answered ? facts.status : 0,
    contentType: answered ? facts.contentType : '',
    responseLength: answered ? facts.responseLength : -1,
    announcesTrailers: answered && facts.announcesTrailers,
    grpcStatus: end >= 0 && end <= t ? facts.grpcStatus : -1,
    waitsFor: standing.waits.get(key)?.backend ?? '',
    pair: pair !== undefined && pair.state.openedAt > t ? null : facts.pair,
    reset: null,
    reason: standing.reasoned.has(key) ? facts.reason : null,
  };
}

/** Waits until the moment; the one that lasted then lasts. */
function spansThen(spans: readonly BlockedSpan[], t: number): BlockedSpan[] {
  return spans.filter(span => span.from <= t).map(span => (span.to > t ? { ...span, to: -1 } : span));
}

/* Since when nothing was sent: waits for one thing after the other, without a pause, are one. */
function unbroken(spans: readonly BlockedSpan[]): number {
  let at = spans.length - 1;
  while (at > 0 && spans[at - 1]!.to === spans[at]!.from) at--;
  return spans[at]!.from;
}

function waited(
  spans: readonly BlockedSpan[],
): Pick<StreamState, 'blockedConnectionUs' | 'blockedStreamUs' | 'blockedTransportUs'> {
  const sums = [0, 0, 0, 0];
  for (const { cause, from, to } of spans) if (to >= 0) sums[cause]! += to - from;
  return { blockedConnectionUs: sums[1]!, blockedStreamUs: sums[2]!, blockedTransportUs: sums[3]! };
}

function progressThen(
  now: StreamState,
  times: Pick<StreamState, 'headReceivedAt' | 'headSentAt' | 'endReceivedAt' | 'endSentAt'>,
  trace: StreamTrace | undefined,
  t: number,
): number {
  if (now.lastProgressAt <= t) return now.lastProgressAt;
  return Math.max(now.openedAt, trace?.progressAt ?? -1, ...Object.values(times));
}

/**
 * RFC 9113 6.9: the window that the last frame left behind, moved by what SETTINGS have said since (6.9.2); before its first
 * frame, the size that windows began with. NaN when none of the stream's frames is kept.
 */
function windowThen(
  side: 0 | 1,
  connection: ConnectionEntry,
  openedAt: number,
  trace: StreamTrace | undefined,
  t: number,
): number {
  if (trace === undefined) return Number.NaN;
  const [told, toldAt] = side === 1 ? [trace.sendWindow, trace.sendToldAt] : [trace.receiveWindow, trace.receiveToldAt];
  if (toldAt >= 0) return told + initialWindow(connection, side, t) - initialWindow(connection, side, toldAt);
  // Its opening is among the frames kept, so nothing moved this window since.
  if (trace.firstAt > openedAt + 1000) return Number.NaN;
  return initialWindow(connection, side, t);
}

function initialWindow({ facts, settings }: ConnectionEntry, side: 0 | 1, t: number): number {
  const event = side === 1 ? 'received' : 'acked';
  const said = (pairs: readonly (readonly [number, number])[]): number | undefined =>
    pairs.find(([id]) => id === INITIAL_WINDOW_SIZE)?.[1];
  // Newest first.
  const changes = settings.filter(moment => moment.event === event && said(moment.pairs) !== undefined);
  const last = changes.find(moment => moment.t <= t);
  if (last !== undefined) return said(last.pairs)!;
  return changes.length > 0 ? DEFAULT_WINDOW : (said(facts.settings[event]) ?? DEFAULT_WINDOW);
}

type Carried = Pick<StreamState, 'bytesReceived' | 'bytesSent' | 'framesReceived' | 'framesSent'>;

/* See `frame-trace.ts` for the two ways to count. */
function carriedThen(
  { t, log }: Sources,
  connection: ConnectionEntry,
  entry: StreamEntry,
  trace: StreamTrace | undefined,
): { readonly numbers: Carried; readonly doubt: Doubt | null } {
  const { state } = entry;
  if (connection.facts.protocol === 'http/1.1') return sampled(entry, t);
  const [before, after] = trace?.octets ?? NOTHING;
  const [framesBefore, framesAfter] = trace?.frames ?? NOTHING;
  const forward = {
    bytesReceived: before[0]!,
    bytesSent: before[1]!,
    framesReceived: framesBefore[0]!,
    framesSent: framesBefore[1]!,
  };
  if (state.openedAt > Math.max(log.since, log.gapBefore)) return { numbers: forward, doubt: null };
  const less = (total: number, since: number, least: number): number => Math.max(least, total - since);
  const numbers = {
    bytesReceived: less(state.bytesReceived, after[0]!, before[0]!),
    bytesSent: less(state.bytesSent, after[1]!, before[1]!),
    framesReceived: less(state.framesReceived, framesAfter[0]!, framesBefore[0]!),
    framesSent: less(state.framesSent, framesAfter[1]!, framesBefore[1]!),
  };
  const until = state.closedAt < 0 ? Number.MAX_VALUE : state.closedAt;
  const whole = log.since <= t && log.gapAfter > until;
  return { numbers, doubt: whole ? 'counted-back' : 'frames-missing' };
}

const NOTHING = [new Float64Array(2), new Float64Array(2)] as const;

/* HTTP/1.1 has no frames; what the gateway told ten times a second is remembered. */
function sampled(
  { state, progress }: StreamEntry,
  t: number,
): { readonly numbers: Carried; readonly doubt: Doubt | null } {
  const { framesReceived, framesSent, bytesReceived, bytesSent } = state;
  if (state.lastProgressAt <= t)
    return { numbers: { framesReceived, framesSent, bytesReceived, bytesSent }, doubt: null };
  const told = progress.findLast(each => each.t <= t);
  return {
    numbers: { framesReceived, framesSent, bytesReceived: told?.received ?? 0, bytesSent: told?.sent ?? 0 },
    doubt: 'sampled',
  };
}
