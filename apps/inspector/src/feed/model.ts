/** What the page draws: plain values the worker makes from the feed, and what the page asks it to look at. */
import type {
  ConnectionFacts,
  ConnectionState,
  Field,
  FieldSection,
  FrameAnatomy,
  ReasonFacts,
  SettingPairs,
  StreamFacts,
  StreamState,
  TableView,
  Verdict,
} from '@glassway/inspector-protocol';
import type { FoundPart } from './found.ts';
import type { GrpcCall } from './grpc.ts';
import type { HistoryPart } from './history.ts';
import type { FramesSlot } from './look.ts';
import type { Doubt, PastPart, Reach } from './past.ts';

export * from './grpc.ts';
export * from './history.ts';
export * from './look.ts';
export type { Doubt, Reach } from './past.ts';

/** Where the connection to the gateway stands. */
export type LinkState =
  | { readonly kind: 'no-token' }
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'live' }
  /** `retryAt`: milliseconds since 1970. */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly retryAt: number; readonly reason: string }
  /** Trying again would not help. */
  | { readonly kind: 'refused'; readonly reason: string; readonly token: boolean };

/** Facts of HELLO a person may want to know. */
export interface GatewayFacts {
  readonly name: string;
  readonly release: string;
  readonly epochMs: number;
  readonly ringRecords: number;
  readonly revealed: boolean;
  /** Octets of every DATA frame that the gateway keeps; 0: none. */
  readonly payloadBytes: number;
  /** This is a recording, not a gateway that runs. */
  readonly recorded: boolean;
  /** Where clients connect to, as URLs. */
  readonly listeners: readonly string[];
}

/** The numbers of the header and the status bar. */
export interface Totals {
  /** Log positions this page has been told about since it subscribed. Must be `received + filtered + dropped`. */
  readonly produced: number;
  readonly received: number;
  readonly dropped: number;
  /** Left out by the gateway, because only what passes `only` is asked for. */
  readonly filtered: number;
  /** The filter of what is asked for; empty: everything is. */
  readonly only: string;
  /** Frames the gateway recorded that are still on their way here. */
  readonly behind: number;
  readonly framesPerSecond: number;
  /** Frames per second over the last minute, oldest first. */
  readonly history: readonly number[];
  /** Frames in the page's memory, and how many fit. */
  readonly retained: number;
  readonly capacity: number;
}

/** How a connection does, worst first. */
export type Health = 'stalled' | 'draining' | 'idle' | 'healthy' | 'broken' | 'closed';

/** One entry of the list of connections. */
export interface ConnectionRow {
  readonly id: number;
  /** The worker process that has it, from 1; 0 in a gateway of one process. */
  readonly worker: number;
  readonly leg: 0 | 1;
  readonly protocol: 'h2' | 'http/1.1';
  readonly negotiation: ConnectionFacts['negotiation'];
  readonly peer: string;
  readonly local: string;
  readonly tls: ConnectionFacts['tls'];
  readonly openedAt: number;
  readonly closedAt: number;
  readonly openStreams: number;
  readonly totalStreams: number;
  readonly health: Health;
  /** The badge's words. */
  readonly verdict: string;
  /** The same as a sentence. */
  readonly sentence: string;
  /** Frames per second (HTTP/1.1: kilobytes), oldest first. */
  readonly rate: readonly number[];
}

/** Something that deserves a look. */
export interface Finding {
  /** Stays the same while it lasts. */
  readonly key: string;
  readonly kind: 'stall' | 'violation' | 'limit' | 'goaway' | 'resets' | 'pings' | 'churn';
  readonly tone: 'bad' | 'warn';
  readonly title: string;
  readonly text: string;
  readonly connection: number;
  /** 0: the connection. */
  readonly stream: number;
}

/** Everything the Overview shows of one connection. */
export interface ConnectionDetail {
  readonly row: ConnectionRow;
  readonly facts: ConnectionFacts;
  readonly state: ConnectionState;
  /** Round-trip times of PING in microseconds, oldest first. */
  readonly pings: readonly number[];
  /** SETTINGS as they came and went, newest first. */
  readonly settings: readonly SettingsMoment[];
  /** Violations, newest first. */
  readonly violations: readonly {
    readonly t: number;
    readonly rule: string;
    readonly rfc: string;
    readonly stream: number;
    readonly message: string;
  }[];
}

/** What happened in a part of a stream's life. */
export type PhaseKind = 'request' | 'waiting' | 'sending' | 'blocked' | 'idle';

/** A part of a stream's life, in t. */
export interface Phase {
  readonly kind: PhaseKind;
  readonly from: number;
  readonly to: number;
}

export type { SentencePart, Verdict } from '@glassway/inspector-protocol';

/** One row of the table of streams. */
export interface StreamRow {
  readonly connection: number;
  readonly stream: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly grpcStatus: number;
  readonly state: number;
  readonly stateText: string;
  readonly received: number;
  readonly sent: number;
  readonly openedAt: number;
  readonly endAt: number;
  readonly phases: readonly Phase[];
  readonly verdict: Verdict | null;
  /** Why its numbers are not certain, in the past; null: they are. */
  readonly doubt: Doubt | null;
}

/** A slice of the table of streams. */
export interface StreamsPart {
  /** Whose streams. */
  readonly connection: number;
  readonly total: number;
  readonly counts: { readonly all: number; readonly open: number; readonly stuck: number };
  readonly first: number;
  readonly rows: readonly StreamRow[];
  /** The selected stream, -1 for none, and its place in the order shown, -1 when it is not in it. */
  readonly selected: number;
  readonly selectedIndex: number;
}

/** What the gateway did to one field line. */
export type FieldChange =
  /** It came from nobody: the gateway put it there. */
  | { readonly kind: 'added' }
  /** The gateway did not pass it on. */
  | { readonly kind: 'removed' }
  /** On the other leg it reads otherwise. */
  | { readonly kind: 'changed'; readonly other: Field };

/** What the gateway did to one section; null: the line is the same on both legs. */
export interface SectionChange {
  /** Number of the section. */
  readonly section: number;
  /** True: this is what came in, `missing` was added; false: this is what went out, `missing` was left out. */
  readonly received: boolean;
  readonly lines: readonly (FieldChange | null)[];
  /** Lines that only the other leg has. */
  readonly missing: readonly Field[];
}

/** Everything the drawer shows of one stream. */
export interface StreamDetail {
  readonly row: StreamRow;
  readonly facts: StreamFacts;
  readonly stateRow: StreamState;
  readonly leg: 0 | 1;
  readonly protocol: 'h2' | 'http/1.1';
  /** The stream on the other leg, when it is known. */
  readonly pair: StreamRow | null;
  readonly sections: readonly FieldSection[];
  /** Of those `sections` whose counterpart on the other leg is known. */
  readonly changes: readonly SectionChange[];
  /** States it went through with their times, oldest first; the first is idle when the beginning was seen. */
  readonly path: readonly { readonly state: number; readonly t: number }[];
  readonly times: readonly { readonly label: string; readonly us: number; readonly tone: 'plain' | 'bad' | 'warn' }[];
  readonly reason: ReasonFacts | null;
  /** Null: no call of gRPC. */
  readonly grpc: GrpcCall | null;
}

/** One entry of a frame grid. */
export interface FrameRow {
  readonly ordinal: number;
  readonly row: number;
  /** Of the first frame folded into this entry. */
  readonly firstRow: number;
  readonly t: number;
  readonly connection: number;
  readonly leg: number;
  readonly direction: number;
  readonly stream: number;
  readonly type: number;
  readonly flags: number;
  readonly mark: number;
  readonly length: number;
  /** Frames folded into this entry. */
  readonly count: number;
  readonly detail: string;
}

/** A slice of a frame grid. */
export interface FramesPart {
  /** Of which `FramesLook`. */
  readonly key: string;
  /** Ordinal of the oldest entry. */
  readonly base: number;
  readonly total: number;
  readonly rows: readonly FrameRow[];
  /** The selected frame's row, -1 for none, and the index of its entry, -1 when it is not among them. */
  readonly selected: number;
  readonly selectedIndex: number;
}

/** A frame in full. */
export interface FrameDetail {
  readonly row: number;
  readonly seq: number;
  readonly t: number;
  readonly connection: number;
  readonly leg: number;
  readonly direction: number;
  readonly stream: number;
  readonly type: number;
  readonly flags: number;
  readonly mark: number;
  readonly length: number;
  readonly connectionWindow: number;
  readonly streamWindow: number;
  readonly aux: number;
  /** Of RST_STREAM and GOAWAY, else 0. */
  readonly errorCode: number;
  readonly injected: boolean;
  readonly section: FieldSection | null;
  /** Its octets, as far as they were kept. */
  readonly anatomy: FrameAnatomy;
}

/** A frame that gave window back. */
export interface WindowMark {
  readonly t: number;
  /** 0: the connection. */
  readonly stream: number;
  readonly increment: number;
}

/** A span in which nothing could be sent. */
export interface StallSpan {
  readonly from: number;
  readonly to: number;
  readonly stream: number;
  /** `Blocked`. */
  readonly cause: number;
}

/** Windows over time. All series share `t`; NaN before a stream began. */
export interface WindowsPart {
  readonly key: string;
  readonly t: Float64Array;
  readonly connection: Float64Array;
  readonly streams: readonly { readonly stream: number; readonly values: Float64Array }[];
  readonly marks: readonly WindowMark[];
  readonly spans: readonly StallSpan[];
  readonly from: number;
  readonly to: number;
}

/** One stream on the Timeline. */
export interface TimelineLane {
  readonly stream: number;
  /** `GET /path`. */
  readonly label: string;
  /** RFC 9218; null when nobody said anything. */
  readonly urgency: { readonly urgency: number; readonly incremental: boolean } | null;
  readonly openedAt: number;
  readonly phases: readonly Phase[];
  /** It should move and does not. */
  readonly stuck: boolean;
  /** Its other leg, when that is known. */
  readonly pair: {
    readonly connection: number;
    readonly stream: number;
    readonly openedAt: number;
    readonly phases: readonly Phase[];
  } | null;
}

/** The streams of a connection over time, oldest first. */
export interface TimelinePart {
  readonly connection: number;
  readonly from: number;
  readonly to: number;
  readonly lanes: readonly TimelineLane[];
  /** Older ones that are not shown. */
  readonly omitted: number;
  /** DATA frames sent: when, and in which of `lanes`. */
  readonly pickTimes: Float64Array;
  readonly pickLanes: Uint16Array;
}

/** One SETTINGS frame, or its acknowledgement. */
export interface SettingsMoment {
  readonly t: number;
  readonly event: 'sent' | 'acked' | 'received';
  readonly pairs: SettingPairs;
}

/** What HPACK made of one field name in one direction. */
export interface FieldEconomy {
  readonly direction: 0 | 1;
  readonly name: string;
  readonly lines: number;
  /** Lines that were one reference to a whole entry. */
  readonly indexed: number;
  /** Literals that were added to the table. */
  readonly added: number;
  /** Literals that nobody may index. */
  readonly never: number;
  readonly wireBytes: number;
  /** Octets of names and values. */
  readonly plainBytes: number;
}

/** Both dynamic tables of a connection, and its fields, the most expensive first. */
export interface HpackPart {
  readonly connection: number;
  readonly received: TableView;
  readonly sent: TableView;
  readonly fields: readonly FieldEconomy[];
  readonly history: HistoryPart;
}

/** Everything drawn. A part is replaced as a whole, so `===` tells whether it changed. */
export interface Snapshot {
  readonly link: LinkState;
  readonly gateway: GatewayFacts | null;
  /** The time now in t, microseconds since the epoch. */
  readonly now: number;
  readonly totals: Totals;
  readonly connections: readonly ConnectionRow[];
  readonly findings: readonly Finding[];
  readonly connection: ConnectionDetail | null;
  readonly streams: StreamsPart | null;
  readonly stream: StreamDetail | null;
  readonly frames: Readonly<Record<FramesSlot, FramesPart | null>>;
  readonly frame: FrameDetail | null;
  readonly windows: WindowsPart | null;
  readonly hpack: HpackPart | null;
  readonly timeline: TimelinePart | null;
  readonly found: FoundPart | null;
  readonly past: PastPart | null;
  /** How far what is kept reaches back to the moment shown; null: now is shown. */
  readonly reach: Reach | null;
}
