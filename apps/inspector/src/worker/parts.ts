/** The parts of a snapshot that come from the state. */

import { type FieldSection, isStuck } from '@glassway/inspector-protocol';
import type { ConnectionDetail, ConnectionRow, Look, StreamDetail, StreamRow, StreamsPart } from '../feed/model.ts';
import { fieldChanges } from './field-changes.ts';
import { grpcCall, type OctetSources } from './grpc-call.ts';
import { healthOf } from './health.ts';
import type { Sections } from './sections.ts';
import type { ConnectionEntry, StreamEntry } from './state-entries.ts';
import type { StateView } from './state-store.ts';
import { pathOf, streamRow, timesOf } from './stream-rows.ts';

/** The list of connections: the open ones in the order they came, which stays put, then the closed ones, newest first. */
export function connectionRows(store: StateView, now: number): ConnectionRow[] {
  const rows = [...store.connections.values()].map(entry => connectionRow(entry, now));
  return rows.sort(
    (a, b) => Number(a.closedAt >= 0) - Number(b.closedAt >= 0) || (a.closedAt >= 0 ? b.id - a.id : a.id - b.id),
  );
}

function connectionRow(entry: ConnectionEntry, now: number): ConnectionRow {
  const { facts, state } = entry;
  return {
    id: facts.id,
    worker: facts.worker ?? 0,
    leg: facts.leg,
    protocol: facts.protocol,
    negotiation: facts.negotiation,
    peer: facts.peer,
    local: facts.local,
    tls: facts.tls,
    openedAt: facts.openedAt,
    closedAt: facts.closedAt,
    openStreams: facts.closedAt >= 0 ? 0 : state.openStreams,
    totalStreams: state.totalStreams,
    rate: facts.closedAt >= 0 ? [] : entry.rate.history(now),
    ...healthOf(entry, now),
  };
}

/** Everything of one connection. */
export function connectionDetail(entry: ConnectionEntry, now: number): ConnectionDetail {
  return {
    row: connectionRow(entry, now),
    facts: entry.facts,
    state: entry.state,
    pings: entry.pings.map(({ us }) => us),
    settings: [...entry.settings],
    violations: entry.violations.map(({ t, rule, rfc, stream, message }) => ({ t, rule, rfc, stream, message })),
  };
}

/** The slice of the table of streams that is looked at. */
export function streamsPart(
  store: StateView,
  connection: ConnectionEntry,
  look: NonNullable<Look['streams']>,
  selected: number,
  now: number,
): StreamsPart {
  const all = [...connection.streams.values()];
  const open = connection.facts.closedAt < 0 ? [...connection.open.values()] : [];
  const stuck = open.filter(entry => isStuck(store.verdictOn(connection, entry, now)));
  const scope = look.scope === 'all' ? all : look.scope === 'open' ? open : stuck;
  const needle = look.search.trim().toLowerCase();
  const found = needle === '' ? scope : scope.filter(entry => mentions(entry, needle));
  found.sort(look.sort === 'stuck' ? stuckFirst(new Set(stuck)) : order(look.sort, now));
  const rows: StreamRow[] = [];
  for (const entry of found.slice(look.first, look.first + look.length))
    rows.push(streamRow(store, connection, entry, now));
  return {
    connection: connection.facts.id,
    total: found.length,
    counts: { all: all.length, open: open.length, stuck: stuck.length },
    first: look.first,
    rows,
    selected,
    selectedIndex: found.findIndex(entry => entry.state.stream === selected),
  };
}

function mentions(entry: StreamEntry, needle: string): boolean {
  const { facts, state } = entry;
  return (
    String(state.stream) === needle ||
    String(facts.status) === needle ||
    facts.path.toLowerCase().includes(needle) ||
    facts.method.toLowerCase() === needle ||
    facts.authority.toLowerCase().includes(needle)
  );
}

/* What somebody opens this page for comes first, in the order it began. */
function stuckFirst(stuck: ReadonlySet<StreamEntry>): (a: StreamEntry, b: StreamEntry) => number {
  return (a, b) => {
    const first = Number(stuck.has(b)) - Number(stuck.has(a));
    return first || (stuck.has(a) ? a.state.stream - b.state.stream : b.state.stream - a.state.stream);
  };
}

function order(
  sort: Exclude<NonNullable<Look['streams']>['sort'], 'stuck'>,
  now: number,
): (a: StreamEntry, b: StreamEntry) => number {
  switch (sort) {
    case 'newest':
      return (a, b) => b.state.stream - a.state.stream;
    case 'oldest':
      return (a, b) => a.state.stream - b.state.stream;
    case 'slowest':
      return (a, b) => lasted(b, now) - lasted(a, now) || b.state.stream - a.state.stream;
    case 'largest':
      return (a, b) => carried(b) - carried(a) || b.state.stream - a.state.stream;
  }
}

function lasted({ state }: StreamEntry, now: number): number {
  return state.openedAt < 0 ? 0 : (state.closedAt < 0 ? now : state.closedAt) - state.openedAt;
}

function carried({ state }: StreamEntry): number {
  return state.bytesReceived + state.bytesSent;
}

/** Everything of one stream, null when it is not known. */
export function streamDetail(
  store: StateView,
  sections: Sections,
  sources: OctetSources,
  message: Look['message'],
  connectionId: number,
  streamId: number,
  now: number,
): StreamDetail | null {
  const connection = store.connections.get(connectionId);
  const entry = connection?.streams.get(streamId);
  if (connection === undefined || entry === undefined) return null;
  const pairFacts = entry.facts.pair;
  const pairConnection = pairFacts === null ? undefined : store.connections.get(pairFacts.connection);
  const pair = pairFacts === null ? undefined : pairConnection?.streams.get(pairFacts.stream);
  const sectionsOf = (connection: number, stream: number): readonly FieldSection[] =>
    sections.of(connection, stream).filter(section => section.t <= store.until);
  const own = sectionsOf(connectionId, streamId);
  return {
    row: streamRow(store, connection, entry, now),
    facts: entry.facts,
    stateRow: entry.state,
    leg: connection.facts.leg,
    protocol: connection.facts.protocol,
    pair: pairConnection === undefined || pair === undefined ? null : streamRow(store, pairConnection, pair, now),
    sections: own,
    changes: fieldChanges(own, pairFacts === null ? [] : sectionsOf(pairFacts.connection, pairFacts.stream)),
    path: pathOf(entry),
    times: timesOf(connection, entry, now),
    reason: entry.facts.reason,
    grpc: grpcCall(sources, entry, own, message, store.until),
  };
}
