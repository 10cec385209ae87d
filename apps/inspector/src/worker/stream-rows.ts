/** Rows of the table of streams and the drawer's facts, made from the state of a stream. */
import { IDLE_PATIENCE_US, stateName } from '@glassway/inspector-protocol';
import type { Phase, StreamDetail, StreamRow } from '../feed/model.ts';
import type { ConnectionEntry, StreamEntry } from './state-entries.ts';
import type { StateView } from './state-store.ts';

/** The table's row of a stream. */
export function streamRow(store: StateView, connection: ConnectionEntry, entry: StreamEntry, now: number): StreamRow {
  const { facts, state } = entry;
  const verdict = store.verdictOn(connection, entry, now);
  return {
    connection: state.connection,
    stream: state.stream,
    method: facts.method,
    path: facts.path === '' ? facts.authority : facts.path,
    status: facts.status,
    grpcStatus: facts.grpcStatus,
    state: state.state,
    stateText: connection.facts.protocol === 'http/1.1' ? http1State(entry) : stateName(state.state),
    received: state.bytesReceived,
    sent: state.bytesSent,
    openedAt: state.openedAt,
    endAt: endOf(connection, entry, now),
    phases: phasesOf(connection, entry, now),
    verdict,
    doubt: entry.doubt,
  };
}

/** When a stream ended, or now. */
export function endOf(connection: ConnectionEntry, entry: StreamEntry, now: number): number {
  if (entry.state.closedAt >= 0) return entry.state.closedAt;
  return connection.facts.closedAt >= 0 ? connection.facts.closedAt : now;
}

/**
 * The parts of a stream's life, in order and not overlapping: the request under way, the wait for the response's head,
 * the response; cut by the spans in which nothing could be sent, and with the silence at the end of one that stands still.
 */
export function phasesOf(connection: ConnectionEntry, entry: StreamEntry, now: number): Phase[] {
  const { state } = entry;
  const start = state.openedAt;
  if (start < 0) return [];
  const end = Math.max(start, endOf(connection, entry, now));
  // On the client leg the request comes in and the response goes out; on the backend leg the other way round.
  const client = connection.facts.leg === 0;
  const requestEnd = client ? state.endReceivedAt : state.endSentAt;
  const head = client ? state.headSentAt : state.headReceivedAt;
  const marks: Phase[] = [];
  const part = (kind: Phase['kind'], from: number, to: number): void => {
    if (to > from) marks.push({ kind, from, to });
  };
  const waitFrom = requestEnd < 0 ? (head < 0 ? end : head) : Math.min(requestEnd, head < 0 ? requestEnd : head);
  part('request', start, waitFrom);
  part('waiting', waitFrom, head < 0 ? end : Math.max(head, waitFrom));
  if (head >= 0) part('sending', Math.max(head, waitFrom), end);
  return quiet(cut(marks, entry, end), entry, end, now);
}

function cut(phases: readonly Phase[], entry: StreamEntry, end: number): Phase[] {
  let parts = [...phases];
  for (const { from, to } of entry.spans) {
    const until = to < 0 ? end : Math.min(to, end);
    if (until <= from) continue;
    const next: Phase[] = [];
    for (const phase of parts) {
      if (phase.to <= from || phase.from >= until) {
        next.push(phase);
        continue;
      }
      if (phase.from < from) next.push({ ...phase, to: from });
      next.push({ kind: 'blocked', from: Math.max(phase.from, from), to: Math.min(phase.to, until) });
      if (phase.to > until) next.push({ ...phase, from: until });
    }
    parts = next;
  }
  return parts;
}

function quiet(phases: Phase[], entry: StreamEntry, end: number, now: number): Phase[] {
  const { state } = entry;
  const last = phases.at(-1);
  const idle =
    state.closedAt < 0 &&
    state.blocked === 0 &&
    state.lastProgressAt >= 0 &&
    now - state.lastProgressAt >= IDLE_PATIENCE_US;
  if (!idle || last === undefined || last.kind === 'blocked') return phases;
  const from = Math.max(last.from, state.lastProgressAt);
  if (from >= end) return phases;
  const before = from > last.from ? [{ ...last, to: from }] : [];
  return [...phases.slice(0, -1), ...before, { kind: 'idle', from, to: end }];
}

/** The states a stream went through (RFC 9113 5.1), told from the times of its ends; empty when it never opened. */
export function pathOf({ state, reserved }: StreamEntry): { state: number; t: number }[] {
  if (state.openedAt < 0) return [];
  const path = [{ state: 0, t: state.openedAt }];
  const step = (to: number, t: number): void => {
    if (path.at(-1)!.state !== to) path.push({ state: to, t });
  };
  step(reserved === 0 ? 3 : reserved, state.openedAt);
  const closed = state.closedAt < 0 ? Number.POSITIVE_INFINITY : state.closedAt;
  const received = state.endReceivedAt < 0 ? Number.POSITIVE_INFINITY : state.endReceivedAt;
  const sent = state.endSentAt < 0 ? Number.POSITIVE_INFINITY : state.endSentAt;
  const first = Math.min(received, sent);
  if (first <= closed && Number.isFinite(first)) step(received <= sent ? 5 : 4, first);
  if (Number.isFinite(closed)) step(6, closed);
  else step(state.state, Math.max(state.openedAt, state.lastProgressAt));
  return path;
}

/** Where a stream's time went, in microseconds; lines that would say 0 are left out. */
export function timesOf(connection: ConnectionEntry, entry: StreamEntry, now: number): StreamDetail['times'] {
  const { state } = entry;
  if (state.openedAt < 0) return [];
  const sums: Record<Phase['kind'], number> = { request: 0, waiting: 0, sending: 0, blocked: 0, idle: 0 };
  for (const phase of phasesOf(connection, entry, now)) sums[phase.kind] += phase.to - phase.from;
  const running = state.blocked === 0 || state.closedAt >= 0 ? 0 : Math.max(0, now - state.blockedSince);
  const by = (cause: number, past: number): number => past + (state.blocked === cause ? running : 0);
  const client = connection.facts.leg === 0;
  // The counters know of every short wait, the phases only of long ones: what was not waited was sent.
  const blocked =
    state.blockedConnectionUs + state.blockedStreamUs + state.blockedTransportUs + state.blockedSchedulerUs + running;
  const outgoing = client ? 'sending' : 'request';
  sums[outgoing] = Math.max(0, sums[outgoing] + sums.blocked - blocked);
  const open = state.closedAt < 0;
  const queued = state.queuedUs + (open && state.queuedSince >= 0 ? Math.max(0, now - state.queuedSince) : 0);
  const withheld = state.withheldUs + (open && state.withheldSince >= 0 ? Math.max(0, now - state.withheldSince) : 0);
  sums.waiting = Math.max(0, sums.waiting - queued);
  const lines: { label: string; us: number; tone: 'plain' | 'bad' | 'warn' }[] = [
    { label: 'without a backend', us: queued, tone: 'warn' },
    { label: client ? 'request coming in' : 'request going out', us: Math.max(0, sums.request), tone: 'plain' },
    { label: 'waiting for the response', us: sums.waiting, tone: 'plain' },
    { label: client ? 'response going out' : 'response coming in', us: sums.sending, tone: 'plain' },
    { label: 'blocked: connection window', us: by(1, state.blockedConnectionUs), tone: 'bad' },
    { label: 'blocked: stream window', us: by(2, state.blockedStreamUs), tone: 'bad' },
    { label: 'blocked: socket full', us: by(3, state.blockedTransportUs), tone: 'bad' },
    { label: 'blocked: others first', us: state.blockedSchedulerUs, tone: 'bad' },
    { label: 'window held back by us', us: withheld, tone: 'warn' },
    { label: 'silent until now', us: sums.idle, tone: 'warn' },
  ];
  const total = endOf(connection, entry, now) - state.openedAt;
  return [...lines.filter(line => line.us > 0), { label: 'total', us: total, tone: 'plain' as const }];
}

function http1State(entry: StreamEntry): string {
  const { state } = entry;
  if (state.closedAt >= 0) return 'complete';
  return state.headReceivedAt >= 0 && state.headSentAt >= 0 ? 'responding' : 'waiting';
}
