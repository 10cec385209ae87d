/** What the user chose. The feed's data is not in here: see `feed/client.ts`. */
import { create } from 'zustand';
import type { FramesSlot, Look, StreamScope, StreamSort } from '../feed/model.ts';

/** Tabs of a connection, in the order shown. */
export const TABS = ['overview', 'streams', 'frames', 'windows', 'hpack', 'settings', 'timeline'] as const;
/** One of `TABS`. */
export type Tab = (typeof TABS)[number];
/** Colours: those of the system, or pinned. `contrast` is as light or dark as the system, with the strongest colours. */
export type Theme = 'system' | 'light' | 'dark' | 'contrast';

/** A slice of rows a list shows. */
export interface Range {
  readonly first: number;
  readonly length: number;
}

/** The choices. */
export interface Ui {
  readonly connection: number | null;
  readonly tab: Tab;
  /** The stream in the drawer. */
  readonly stream: { readonly connection: number; readonly stream: number } | null;
  /** The message of gRPC that is open in the drawer. */
  readonly message: { readonly direction: 0 | 1; readonly number: number } | null;
  /** Text of the filter bar. */
  readonly filter: string;
  /** Frames of all connections instead of the selected one. */
  readonly allConnections: boolean;
  readonly fold: boolean;
  readonly follow: boolean;
  readonly paused: boolean;
  /** Row of the selected frame. */
  readonly frame: number | null;
  /** Rows picked to be copied, and where the picking began: see `frame-picks.ts`. */
  readonly picked: readonly (readonly [from: number, to: number])[];
  readonly pickedFrom: readonly [from: number, to: number] | null;
  readonly streamScope: StreamScope;
  readonly streamSort: StreamSort;
  readonly streamSearch: string;
  readonly streamRange: Range;
  readonly frameRanges: Readonly<Record<FramesSlot, Range>>;
  /** Windows and frames below the table of streams. */
  readonly dock: boolean;
  /** Of several steps of the tables' past at the moment `at`, the one shown; null: the last. See `goTo`. */
  readonly hpackStep: number | null;
  readonly windowStreams: readonly number[];
  readonly windowDirection: 0 | 1;
  readonly windowSeconds: number;
  /** The list of findings is open. */
  readonly findings: boolean;
  readonly theme: Theme;
  readonly help: boolean;
  /** The command palette is open, and what is typed into it. */
  readonly palette: boolean;
  readonly paletteText: string;
  /** The first key of a sequence was pressed. */
  readonly prefix: boolean;
  /** The gateway is asked for frames that pass this filter only; empty: for all. */
  readonly only: string;
  /** The moment of the past that all views show, in t; null: now. See `goTo`. */
  readonly at: number | null;
}

/** Choices before the user made any. */
export const FIRST: Ui = {
  connection: null,
  tab: 'streams',
  stream: null,
  message: null,
  filter: '',
  allConnections: false,
  fold: true,
  follow: true,
  paused: false,
  frame: null,
  picked: [],
  pickedFrom: null,
  streamScope: 'all',
  streamSort: 'stuck',
  streamSearch: '',
  streamRange: { first: 0, length: 40 },
  frameRanges: { tab: { first: 0, length: 60 }, drawer: { first: 0, length: 20 } },
  dock: true,
  hpackStep: null,
  windowStreams: [],
  windowDirection: 1,
  windowSeconds: 30,
  findings: true,
  theme: 'system',
  help: false,
  palette: false,
  paletteText: '',
  prefix: false,
  only: '',
  at: null,
};

/** The store; `useUi(ui => ui.tab)` in components, `useUi.setState` to change. */
export const useUi = create<Ui>(() => FIRST);

/** Selects a connection, and lets go of what belonged to the one before. */
export function selectConnection(id: number, tab?: Tab): void {
  const before = useUi.getState();
  if (before.connection === id) {
    if (tab !== undefined) useUi.setState({ tab });
    return;
  }
  useUi.setState({
    connection: id,
    tab: tab ?? before.tab,
    stream: null,
    message: null,
    frame: null,
    picked: [],
    pickedFrom: null,
    hpackStep: null,
    windowStreams: [],
    streamSearch: '',
    streamRange: { ...before.streamRange, first: 0 },
    follow: true,
  });
}

/** Opens a stream in the drawer, going to its connection when another is selected. */
export function openStream(connection: number, stream: number): void {
  if (stream === 0) {
    selectConnection(connection);
    return;
  }
  selectConnection(connection);
  useUi.setState({ stream: { connection, stream }, message: null, frame: null });
}

/** Shows the moment at `t`, null: now. `hpackStep`: which of several steps of the dynamic tables at that time. */
export function goTo(t: number | null, hpackStep: number | null = null): void {
  useUi.setState(t === null ? { at: null, hpackStep: null } : { at: t, hpackStep, follow: true });
}

/** What the worker is asked for, given the choices. */
export function lookOf(ui: Ui): Look {
  const framesTab = ui.tab === 'frames' || (ui.tab === 'streams' && ui.dock);
  const strip = ui.tab === 'windows' || (ui.tab === 'streams' && ui.dock);
  const stream = ui.stream;
  // Below the table of streams: the selected stream with the frames of the connection itself, which move its windows.
  const dockFilter = ui.tab === 'streams' && stream !== null ? `${ui.filter} stream=${stream.stream},0` : ui.filter;
  return {
    connection: ui.connection,
    streams:
      ui.tab === 'streams' || ui.tab === 'windows'
        ? { scope: ui.streamScope, sort: ui.streamSort, search: ui.streamSearch, ...ui.streamRange }
        : null,
    stream,
    message: ui.message,
    frames: {
      tab: framesTab
        ? {
            filter: dockFilter,
            connection: ui.allConnections && ui.tab === 'frames' ? null : ui.connection,
            stream: null,
            fold: ui.fold,
            follow: ui.follow,
            ...ui.frameRanges.tab,
          }
        : null,
      drawer:
        stream !== null && !(ui.tab === 'streams' && ui.dock)
          ? {
              filter: '',
              connection: stream.connection,
              stream: stream.stream,
              fold: ui.fold,
              follow: true,
              ...ui.frameRanges.drawer,
            }
          : null,
    },
    frame: ui.frame,
    windows: strip
      ? { streams: shownWindows(ui), direction: ui.windowDirection, seconds: ui.windowSeconds, life: false }
      : stream === null
        ? null
        : { streams: [stream.stream], direction: ui.windowDirection, seconds: 0, life: true },
    hpack: ui.tab === 'hpack',
    hpackStep: ui.hpackStep,
    timeline: ui.tab === 'timeline' ? { seconds: ui.windowSeconds } : null,
    find: ui.palette && ui.paletteText.trim() !== '' ? ui.paletteText.trim() : null,
    at: ui.at,
    paused: ui.paused,
    only: ui.only,
  };
}

/** Streams whose windows are drawn: those chosen, and the one in the drawer. */
export function shownWindows(ui: Ui): readonly number[] {
  const open = ui.stream !== null && ui.stream.connection === ui.connection ? [ui.stream.stream] : [];
  return [...new Set([...open, ...ui.windowStreams])].slice(0, 5);
}
