/** What the page asks the worker for, and what passes between the two. */
import type { ExportFormat } from '@glassway/inspector-protocol';
import type { Snapshot } from './model.ts';

/** The places on the page where frames are listed. */
export type FramesSlot = 'tab' | 'drawer';

/** What one frame grid shows. */
export interface FramesLook {
  readonly filter: string;
  /** Null: all connections. */
  readonly connection: number | null;
  /** Null: all streams. */
  readonly stream: number | null;
  readonly fold: boolean;
  /** True: the newest `length` entries, whatever `first` says. */
  readonly follow: boolean;
  /** Index from the oldest entry. */
  readonly first: number;
  readonly length: number;
}

/** Order of the table of streams. */
export type StreamSort = 'stuck' | 'newest' | 'oldest' | 'slowest' | 'largest';
/** Which streams the table shows. */
export type StreamScope = 'all' | 'open' | 'stuck';

/** Everything the page wants to see, as one value: the worker answers with the parts that changed. */
export interface Look {
  readonly connection: number | null;
  readonly streams: {
    readonly scope: StreamScope;
    readonly sort: StreamSort;
    readonly search: string;
    readonly first: number;
    readonly length: number;
  } | null;
  readonly stream: { readonly connection: number; readonly stream: number } | null;
  /** The message of that stream whose octets are shown. */
  readonly message: { readonly direction: 0 | 1; readonly number: number } | null;
  readonly frames: Readonly<Record<FramesSlot, FramesLook | null>>;
  /** Row of the frame shown in the detail pane. */
  readonly frame: number | null;
  readonly windows: {
    readonly streams: readonly number[];
    /** 0: what the peer may send us, 1: what we may send. */
    readonly direction: 0 | 1;
    /** Seconds back from now; 0: everything kept. */
    readonly seconds: number;
    /** The life of the first of the streams instead of the last seconds. */
    readonly life: boolean;
  } | null;
  /** The dynamic tables of the connection. */
  readonly hpack: boolean;
  /** Of several steps of their past at the moment `at`, the one that is shown; null: the last. */
  readonly hpackStep: number | null;
  /** Seconds back from now; 0: everything kept. Null: nobody looks. */
  readonly timeline: { readonly seconds: number } | null;
  /** Streams to find; null: nobody searches. */
  readonly find: string | null;
  /** The moment that all views show, in t; null: now. */
  readonly at: number | null;
  readonly paused: boolean;
  /** The gateway is asked for frames that pass this filter only; empty: for all. */
  readonly only: string;
}

/** What the page tells the worker. */
export type ToWorker =
  | { readonly kind: 'start'; readonly url: string; readonly token: string | null }
  | { readonly kind: 'look'; readonly look: Look }
  | { readonly kind: 'retry' }
  | { readonly kind: 'clear' }
  /** Make a file of what is held; `filter` as in the bar; `content`: with what was kept of bodies. */
  | { readonly kind: 'keep'; readonly format: KeepFormat; readonly filter: string; readonly content: boolean }
  /** The text of the frames that the grid of the tab lists in these ranges of rows. */
  | { readonly kind: 'text'; readonly ranges: readonly (readonly [from: number, to: number])[] }
  /** Show this recording instead of the gateway. */
  | { readonly kind: 'open'; readonly file: ArrayBuffer };

/** A file of what the page holds: a recording, or the format of another tool. */
export type KeepFormat = 'glassway' | ExportFormat;

/** What the worker tells the page: parts that changed, a file that was asked for, or why one cannot be opened. */
export interface FromWorker {
  readonly parts?: Partial<Snapshot>;
  readonly file?: { readonly name: string; readonly bytes: Uint8Array };
  readonly problem?: string;
  readonly text?: FrameText;
  /** How much of a recording has been read, 0 to 1. */
  readonly progress?: number;
  /** A recording is open: frames in it, and how many of them, the newest, fit into the page. */
  readonly opened?: { readonly frames: number; readonly kept: number };
}

/** Frames as text. */
export interface FrameText {
  readonly text: string;
  readonly frames: number;
  /** There were more than are copied at once. */
  readonly more: boolean;
}

/** `Look` before anything was asked. */
export const NOTHING: Look = {
  connection: null,
  streams: null,
  stream: null,
  message: null,
  frames: { tab: null, drawer: null },
  frame: null,
  windows: null,
  hpack: false,
  hpackStep: null,
  timeline: null,
  find: null,
  at: null,
  paused: false,
  only: '',
};
