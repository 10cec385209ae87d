/** What a frame grid says of a frame, and what the detail pane says of the selected one. */
import { errorName, FrameType, frameAnatomy, Mark, type PayloadStore, settingName } from '@glassway/inspector-protocol';
import type { FrameDetail, FrameRow } from '../feed/model.ts';
import { count, plural } from '../text/format.ts';
import type { FrameLog } from './frame-log.ts';
import { errorOf } from './frame-match.ts';
import type { Entry, FrameView } from './frame-view.ts';
import type { Sections } from './sections.ts';
import type { StateView } from './state-store.ts';

/** Rows [first, first + length) of a view, by index from its oldest entry. */
export function frameRows(
  log: FrameLog,
  view: FrameView,
  sections: Sections,
  store: StateView,
  first: number,
  length: number,
): FrameRow[] {
  const rows: FrameRow[] = [];
  const end = Math.min(view.size, first + length);
  for (let index = Math.max(0, first); index < end; index++) {
    const entry = view.at(index);
    if (log.has(entry.lastRow)) rows.push(frameRow(log, entry, sections, store));
  }
  return rows;
}

function frameRow(log: FrameLog, entry: Entry, sections: Sections, store: StateView): FrameRow {
  const { columns } = log;
  const slot = log.slot(entry.lastRow);
  return {
    ordinal: entry.ordinal,
    row: entry.lastRow,
    firstRow: entry.firstRow,
    t: columns.t[log.slot(entry.firstRow)]!,
    connection: columns.connection[slot]!,
    leg: columns.leg[slot]!,
    direction: columns.direction[slot]!,
    stream: columns.stream[slot]!,
    type: columns.type[slot]!,
    flags: columns.flags[slot]!,
    mark: columns.mark[slot]!,
    length: entry.octets,
    count: entry.count,
    detail: detailOf(log, slot, sections, store),
  };
}

function detailOf(log: FrameLog, slot: number, sections: Sections, store: StateView): string {
  const { columns } = log;
  const aux = columns.aux[slot]!;
  const stream = columns.stream[slot]!;
  switch (columns.type[slot]) {
    case FrameType.DATA:
      return `conn ${count(columns.connectionWindow[slot]!)} · stream ${count(columns.streamWindow[slot]!)}`;
    case FrameType.HEADERS:
      return headline(log, slot, sections, store);
    case FrameType.WINDOW_UPDATE: {
      const window = stream === 0 ? columns.connectionWindow[slot]! : columns.streamWindow[slot]!;
      return `+${count(aux)} → ${stream === 0 ? 'connection' : 'stream'} ${count(window)}`;
    }
    case FrameType.RST_STREAM:
      return errorName(errorOf(log, slot));
    case FrameType.GOAWAY:
      return `last stream ${lastStream(log, slot, store)} · ${errorName(errorOf(log, slot))}`;
    case FrameType.SETTINGS: {
      if ((columns.flags[slot]! & 1) !== 0) return 'acknowledged';
      const pairs = columns.length[slot]! / 6;
      return pairs === 0 ? 'all as they are' : `${settingName(aux)}${pairs > 1 ? ` and ${pairs - 1} more` : ''}`;
    }
    case FrameType.PING:
      return pingText(columns.flags[slot]!, columns.direction[slot]!);
    case FrameType.PUSH_PROMISE:
      return `promises stream ${aux}`;
    default:
      return '';
  }
}

function headline(log: FrameLog, slot: number, sections: Sections, store: StateView): string {
  const { columns } = log;
  const section = sections.get(columns.aux[slot]!);
  if (section !== undefined && columns.aux[slot] !== 0) {
    const value = (name: string): string => section.fields.find(field => field.name === name)?.value ?? '';
    switch (section.kind) {
      case 0:
      case 4:
        return `${value(':method')} ${value(':path')}`.trim();
      case 1:
      case 2:
        return [value(':status'), value('content-type')].filter(text => text !== '').join(' · ');
      default: {
        const grpc = value('grpc-status');
        return `trailers${grpc === '' ? `: ${plural(section.fields.length, 'field')}` : ` · grpc-status ${grpc}`}`;
      }
    }
  }
  const facts = store.stream(columns.connection[slot]!, columns.stream[slot]!)?.facts;
  if (facts === undefined) return '';
  // Without its section, a HEADERS frame towards the backend side of a leg is the request, the other way the response.
  const request = columns.direction[slot] === columns.leg[slot];
  return request ? `${facts.method} ${facts.path}`.trim() : facts.status === 0 ? '' : String(facts.status);
}

/* A GOAWAY record has room for its error code only. */
function lastStream(log: FrameLog, slot: number, store: StateView): number | string {
  const facts = store.connections.get(log.columns.connection[slot]!)?.facts;
  const goAway = log.columns.direction[slot] === 1 ? facts?.goAwaySent : facts?.goAwayReceived;
  return goAway?.lastStreamId ?? '?';
}

function pingText(flags: number, direction: number): string {
  if ((flags & 1) !== 0) return direction === 0 ? 'answer to our ping' : 'our answer';
  return direction === 0 ? 'asks for an answer' : 'we ask for an answer';
}

/** One frame in full, null when it was overwritten. */
export function frameDetail(log: FrameLog, row: number, sections: Sections, octets: PayloadStore): FrameDetail | null {
  if (!log.has(row)) return null;
  const { columns } = log;
  const slot = log.slot(row);
  const mark = columns.mark[slot]!;
  const type = columns.type[slot]!;
  const section = (mark & Mark.SECTION) !== 0 ? (sections.get(columns.aux[slot]!) ?? null) : null;
  const facts = {
    type,
    flags: columns.flags[slot]!,
    stream: columns.stream[slot]!,
    length: columns.length[slot]!,
    aux: columns.aux[slot]!,
    section,
  };
  return {
    row,
    seq: columns.seq[slot]!,
    t: columns.t[slot]!,
    connection: columns.connection[slot]!,
    leg: columns.leg[slot]!,
    direction: columns.direction[slot]!,
    stream: columns.stream[slot]!,
    type,
    flags: columns.flags[slot]!,
    mark,
    length: columns.length[slot]!,
    connectionWindow: columns.connectionWindow[slot]!,
    streamWindow: columns.streamWindow[slot]!,
    aux: columns.aux[slot]!,
    errorCode: type === FrameType.RST_STREAM || type === FrameType.GOAWAY ? errorOf(log, slot) : 0,
    injected: columns.injected[slot] === 1,
    section,
    anatomy: frameAnatomy(facts, octets.of(columns.seq[slot]!)),
  };
}
