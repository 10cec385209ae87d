/** Finds streams of all connections by number, path, authority or status, for the palette. */
import type { FoundPart, FoundStream } from '../feed/found.ts';
import type { ConnectionEntry, StreamEntry } from './state-entries.ts';
import type { StateView } from './state-store.ts';

/** Streams answered at most. */
export const MOST_FOUND = 12;

/**
 * The streams that `text` means: `7/5` is stream 5 of connection 7, a number is a stream's or a status, anything else is a
 * part of path or authority. The newest of the connection looked at come first.
 */
export function findStreams(store: StateView, text: string, connection: number | null, now: number): FoundPart {
  const needle = text.trim().toLowerCase();
  const streams: FoundStream[] = [];
  if (needle === '') return { text, streams };
  const exact = /^#?(\d+)\s*[/ ]\s*(\d+)$/.exec(needle);
  const entries = [...store.connections.values()].reverse();
  entries.sort((a, b) => Number(b.facts.id === connection) - Number(a.facts.id === connection));
  for (const entry of entries) {
    if (exact !== null && entry.facts.id !== Number(exact[1])) continue;
    const test = exact === null ? tester(needle) : (stream: StreamEntry) => stream.state.stream === Number(exact[2]);
    for (const stream of [...entry.streams.values()].reverse()) {
      if (!test(stream)) continue;
      streams.push(found(store, entry, stream, now));
      if (streams.length === MOST_FOUND) return { text, streams };
    }
  }
  return { text, streams };
}

function tester(needle: string): (entry: StreamEntry) => boolean {
  if (/^\d+$/.test(needle)) {
    const number = Number(needle);
    return ({ facts, state }) => state.stream === number || facts.status === number || facts.path.includes(needle);
  }
  return ({ facts }) => facts.path.toLowerCase().includes(needle) || facts.authority.toLowerCase().includes(needle);
}

function found(store: StateView, connection: ConnectionEntry, entry: StreamEntry, now: number): FoundStream {
  const { facts, state } = entry;
  return {
    connection: connection.facts.id,
    leg: connection.facts.leg,
    stream: state.stream,
    method: facts.method,
    path: facts.path === '' ? facts.authority : facts.path,
    status: facts.status,
    verdict: store.verdictOn(connection, entry, now)?.short ?? '',
  };
}
