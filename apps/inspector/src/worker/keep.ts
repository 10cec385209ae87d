/** What the page holds as a recording: to be saved, or written in the format of another tool. */
import {
  type BackendState,
  Blocked,
  type ConnectionFacts,
  type ConnectionState,
  exportRecording,
  FrameColumns,
  type Hello,
  type LogEvent,
  type PayloadStore,
  parseFilter,
  type Recording,
  type StreamFacts,
  type StreamState,
  saveRecording,
} from '@glassway/inspector-protocol';
import type { FrameText, KeepFormat } from '../feed/model.ts';
import type { FrameLog } from './frame-log.ts';
import type { FrameView } from './frame-view.ts';
import type { GrpcMessage, GrpcMessages } from './grpc-messages.ts';
import type { Journal } from './past/journal.ts';
import type { Sections } from './sections.ts';
import type { StreamEntry } from './state-entries.ts';
import type { StateView } from './state-store.ts';
import type { TableSizes } from './table-sizes.ts';

/** What there is to keep. */
export interface Held {
  readonly hello: Hello;
  readonly now: number;
  readonly log: FrameLog;
  /** Row after the last one. */
  readonly end: number;
  readonly sections: Sections;
  readonly octets: PayloadStore;
  readonly store: StateView;
  readonly messages: GrpcMessages;
  readonly journal: Journal;
  readonly sizes: TableSizes;
}

/** Frames copied at once, at most: what is more belongs in a file. */
export const MAX_TEXT_FRAMES = 20_000;

/** The frames of a view in these ranges of rows, oldest first, as `nghttp -v` prints them. */
export function frameText(
  held: Held,
  view: FrameView,
  ranges: readonly (readonly [from: number, to: number])[],
): FrameText {
  const rows: number[] = [];
  let more = false;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    for (const row of view.rows(from, to + 1)) {
      if (rows.length < MAX_TEXT_FRAMES) rows.push(row);
      else more = true;
      if (more) break;
    }
  }
  const text = exportRecording(recordingOf(held, rows), 'text', null) as string;
  return { text, frames: rows.length, more };
}

/** The recording of what is held; `rows`: of these frames only. */
export function recordingOf(held: Held, rows?: readonly number[]): Recording {
  const { hello, now, log, end, sections, octets, store } = held;
  const count = rows?.length ?? Math.max(0, end - log.first);
  const frames = new FrameColumns(Math.max(1, count));
  const names = Object.keys(frames).filter(name => name !== 'capacity') as Exclude<
    keyof FrameColumns,
    'capacity' | 'append'
  >[];
  for (let row = 0; row < count; row++) {
    const slot = log.slot(rows?.[row] ?? log.first + row);
    for (const name of names) frames[name][row] = log.columns[name][slot]!;
  }
  const connections = new Map<number, { facts: ConnectionFacts; state: ConnectionState }>();
  const streams = new Map<string, { facts: StreamFacts; state: StreamState }>();
  for (const [id, entry] of store.connections) {
    connections.set(id, { facts: entry.facts, state: entry.state });
    for (const { facts, state } of entry.streams.values()) streams.set(`${id}/${state.stream}`, { facts, state });
  }
  const backends = new Map<string, BackendState>(store.backends);
  return {
    hello,
    now,
    connections,
    streams,
    backends,
    frames,
    count,
    sections: sections.all().filter(section => section.t <= store.until),
    events: eventsOf(held),
    payloads: octets,
    dropped: 0,
  };
}

/* Events are not kept as they came, but those of which something is shown or exported can be told again. */
function eventsOf({ store, messages, journal, sizes }: Held): LogEvent[] {
  const events: LogEvent[] = [...journal.all()];
  for (const [connection, entry] of store.connections) {
    for (const { t, event, pairs } of entry.settings)
      events.push({ kind: 'settings', t, seq: 0, connection, event, pairs });
    events.push(...entry.violations);
    for (const { t, direction, maxSize } of sizes.of(connection))
      events.push({ kind: 'table-resized', t, seq: 0, connection, direction, maxSize });
    for (const stream of entry.streams.keys()) {
      for (const message of messages.of(connection, stream)) events.push(...told(connection, stream, message));
      events.push(...waits(entry.streams.get(stream)!));
    }
  }
  return events.filter(event => event.t <= store.until).sort((a, b) => a.t - b.t);
}

/* A message of gRPC is told when it begins and, if that is another moment, when it ends. */
function told(connection: number, stream: number, message: GrpcMessage): LogEvent[] {
  const { direction, number, flags, length, at, seq, t, endAt } = message;
  const base = { kind: 'grpc-message' as const, connection, stream, direction, number, flags, length };
  if (endAt === t) return [{ ...base, t, seq, at, phase: 'whole' }];
  const begin: LogEvent = { ...base, t, seq, at, phase: 'begin' };
  return endAt < 0 ? [begin] : [begin, { ...base, t: endAt, seq, at: 0, phase: 'end' }];
}

/* What a stream waited for, so that the recording shows its stalls as this page does. */
function waits({ facts: { connection, stream }, spans }: StreamEntry): LogEvent[] {
  return spans.flatMap(({ cause, from, to, pendingBytes }): LogEvent[] => {
    const base = { kind: 'send-blocked' as const, seq: 0, connection, stream };
    const begin: LogEvent = { ...base, t: from, cause: cause as Blocked, pendingBytes };
    return to < 0 ? [begin] : [begin, { ...base, t: to, cause: Blocked.NOT, pendingBytes: 0 }];
  });
}

/** The file's octets, and how it may be called. */
export function keep(
  held: Held,
  format: KeepFormat,
  filter: string,
  content: boolean,
): { readonly name: string; readonly bytes: Uint8Array } {
  const recording = recordingOf(held);
  const stamp = new Date(held.hello.epochMs + held.now / 1000).toISOString().slice(0, 19).replace(/:/g, '-');
  if (format === 'glassway') return { name: `glassway-${stamp}.glassway`, bytes: saveRecording(recording, content) };
  const made = exportRecording(recording, format, parseFilter(filter), content);
  const bytes = typeof made === 'string' ? new TextEncoder().encode(made) : made;
  return { name: `glassway-${stamp}.${EXTENSIONS[format]}`, bytes };
}

const EXTENSIONS: Readonly<Record<Exclude<KeepFormat, 'glassway'>, string>> = {
  text: 'txt',
  har: 'har',
  pcapng: 'pcapng',
  qlog: 'sqlog',
  'chrome-trace': 'trace.json',
  html: 'html',
};
