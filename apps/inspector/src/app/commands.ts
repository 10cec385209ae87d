/** Everything the command palette can do now. The list is made anew whenever it is shown. */
import { EXPORT_FORMATS } from '@glassway/inspector-protocol';
import { clear, current, keepAs } from '../feed/client.ts';
import type { FoundStream } from '../feed/found.ts';
import type { ConnectionRow, StreamSort } from '../feed/model.ts';
import { REQUEST_TOOLS, requestCommand } from '../text/request-command.ts';
import { openMenu } from '../ui/menu.tsx';
import { legText } from '../views/words.ts';
import { copyText } from './clipboard.ts';
import { HIDEABLE, toggleColumn, useColumns } from './columns.ts';
import { FORMAT_NAMES } from './formats.ts';
import { copyPicked } from './frame-picks.ts';
import { moveConnection, nextFinding } from './move.ts';
import { openRecording } from './open-recording.ts';
import { useSavedFilters } from './saved-filters.ts';
import { SAVED_MENU } from './saved-menu-id.ts';
import { goTo, openStream, selectConnection, TABS, type Tab, type Theme, type Ui, useUi } from './ui-store.ts';

/** One thing to do. */
export interface Command {
  /** Unique among those shown at once. */
  readonly id: string;
  readonly title: string;
  /** What it belongs to, in a word. */
  readonly group: string;
  /** Keys that do the same, as help writes them. */
  readonly keys?: string;
  /** More about it, to be shown and not searched. */
  readonly note?: string;
  /** It is the choice in force. */
  readonly current?: boolean;
  readonly run: () => void;
}

/** Names of the tabs, and the second key of the sequence that goes there. */
export const TAB_NAMES: Readonly<Record<Tab, readonly [name: string, key: string]>> = {
  overview: ['Overview', 'o'],
  streams: ['Streams', 's'],
  frames: ['Frames', 'f'],
  windows: ['Windows', 'w'],
  hpack: ['HPACK', 'h'],
  settings: ['Settings', 'e'],
  timeline: ['Timeline', 't'],
};

/** Names of the themes. */
export const THEME_NAMES: Readonly<Record<Theme, string>> = {
  system: 'As the system',
  light: 'Light',
  dark: 'Dark',
  contrast: 'High contrast',
};

const SORT_NAMES: Readonly<Record<StreamSort, string>> = {
  stuck: 'stuck first',
  newest: 'newest first',
  oldest: 'oldest first',
  slowest: 'longest first',
  largest: 'largest first',
};

const VERDICT_FILTERS: readonly (readonly [filter: string, title: string])[] = [
  ['stalled:any', 'Frames of every stream that cannot send'],
  ['stalled:conn', 'Frames of streams that wait for the connection’s window'],
  ['stalled:stream', 'Frames of streams that wait for their own window'],
  ['stalled:transport', 'Frames of streams that wait for the socket'],
  ['type=RST_STREAM,GOAWAY', 'Resets and GOAWAY'],
  ['type=WINDOW_UPDATE', 'Window given back'],
  ['status>=400', 'Requests that failed'],
  ['grpc.status!=0', 'gRPC calls that failed'],
];

const set = (change: Partial<Ui>): (() => void) => {
  return () => useUi.setState(change);
};

/** The commands that do not depend on what was typed. */
export function commandsOf(ui: Ui): readonly Command[] {
  return [...places(ui), ...filters(ui), ...views(ui), ...files(ui), ...columns(ui), ...themes(ui)];
}

function places(ui: Ui): Command[] {
  const group = 'Go to';
  const list: Command[] = [];
  if (ui.connection !== null) {
    TABS.forEach((tab, at) => {
      const [name, key] = TAB_NAMES[tab];
      const keys = `${at + 1}  g ${key}`;
      list.push({ id: `tab/${tab}`, title: name, group, keys, current: ui.tab === tab, run: set({ tab }) });
    });
  }
  if (current().findings.length > 0)
    list.push({ id: 'finding', title: 'Next finding', group, keys: 'e', run: nextFinding });
  if (current().connections.length > 1) {
    list.push({ id: 'next', title: 'Next connection', group, keys: ']', run: () => moveConnection(1) });
    list.push({ id: 'previous', title: 'Previous connection', group, keys: '[', run: () => moveConnection(-1) });
  }
  if (ui.at !== null) list.push({ id: 'live', title: 'Back to now', group, keys: 'g l', run: () => goTo(null) });
  const frame = current().frame;
  if (frame !== null) {
    const run = (): void => {
      goTo(frame.t);
      useUi.setState({ follow: false });
    };
    list.push({ id: 'moment', title: 'The moment of the selected frame', group: 'Flight recorder', run });
  }
  return list;
}

function filters(ui: Ui): Command[] {
  const group = 'Filter';
  const show = (filter: string): (() => void) => set({ filter, tab: 'frames', follow: true });
  const list: Command[] = VERDICT_FILTERS.map(([filter, title]) => ({
    id: `filter/${filter}`,
    title,
    group,
    note: filter,
    run: show(filter),
  }));
  for (const saved of useSavedFilters.getState().list) {
    const id = `saved/${saved.name}`;
    list.unshift({ id, title: `Saved: ${saved.name}`, group, note: saved.filter, run: show(saved.filter) });
  }
  list.push({ id: 'saved', title: 'Saved filters …', group, run: () => openMenu(SAVED_MENU) });
  if (ui.filter !== '') {
    const run = (): void => openMenu(SAVED_MENU);
    list.unshift({ id: 'save', title: 'Save this filter under a name …', group, note: ui.filter, run });
    list.unshift({ id: 'unfilter', title: 'Clear the filter', group, run: set({ filter: '' }) });
  }
  return list;
}

function views(ui: Ui): Command[] {
  const group = 'View';
  const list: Command[] = [
    { id: 'pause', title: ui.paused ? 'Resume' : 'Pause', group, keys: 'p', run: set({ paused: !ui.paused }) },
    { id: 'clear', title: 'Clear the log of frames', group, run: clear },
    {
      id: 'follow',
      title: ui.follow ? 'Stop following the newest frames' : 'Follow the newest frames',
      group,
      keys: 'f',
      run: set({ follow: !ui.follow }),
    },
    { id: 'fold', title: ui.fold ? 'Show every DATA frame' : 'Fold runs of DATA', group, run: set({ fold: !ui.fold }) },
    {
      id: 'all',
      title: ui.allConnections ? 'Frames of this connection only' : 'Frames of all connections',
      group,
      run: set({ allConnections: !ui.allConnections, tab: 'frames', follow: true }),
    },
    {
      id: 'dock',
      title: ui.dock ? 'Hide windows and frames below Streams' : 'Show windows and frames below Streams',
      group,
      run: set({ dock: !ui.dock, tab: 'streams' }),
    },
    { id: 'help', title: 'Shortcuts and filters', group, keys: '?', run: set({ help: true }) },
  ];
  for (const scope of ['stuck', 'open', 'all'] as const) {
    const title = scope === 'all' ? 'All streams' : scope === 'open' ? 'Open streams only' : 'Stuck streams only';
    const run = set({ streamScope: scope, tab: 'streams' });
    list.push({ id: `scope/${scope}`, title, group: 'Streams', current: ui.streamScope === scope, run });
  }
  for (const sort of Object.keys(SORT_NAMES) as StreamSort[]) {
    const run = set({ streamSort: sort, tab: 'streams' });
    const title = `Streams: ${SORT_NAMES[sort]}`;
    list.push({ id: `sort/${sort}`, title, group: 'Streams', current: ui.streamSort === sort, run });
  }
  return list;
}

function files(ui: Ui): Command[] {
  const list: Command[] = (['glassway', ...EXPORT_FORMATS] as const).map(format => ({
    id: `export/${format}`,
    title: `Export: ${FORMAT_NAMES[format][0]}`,
    group: 'File',
    note: FORMAT_NAMES[format][1],
    run: () => keepAs(format, ui.filter, false),
  }));
  list.push({ id: 'open', title: 'Open a recording …', group: 'File', run: openRecording });
  list.push({
    id: 'link',
    title: 'Copy the address of this place',
    group: 'Copy',
    note: 'without the token',
    run: () => void copyText(location.href),
  });
  if (ui.tab === 'frames' && (ui.picked.length > 0 || ui.frame !== null)) {
    const title = ui.picked.length > 0 ? 'Copy the selected frames' : 'Copy the selected frame';
    list.push({ id: 'copy/frames', title, group: 'Copy', keys: 'Ctrl C', note: 'as nghttp -v', run: copyPicked });
  }
  const detail = current().stream;
  for (const tool of detail === null ? [] : REQUEST_TOOLS) {
    const line = requestCommand(tool, detail!);
    if (line === null) continue;
    const title = `Copy stream ${detail!.row.stream} as ${tool}`;
    list.push({ id: `copy/${tool}`, title, group: 'Copy', run: () => void copyText(line) });
  }
  return list;
}

/* Columns of the table in front. */
function columns(ui: Ui): Command[] {
  const table = ui.tab === 'streams' || ui.tab === 'frames' ? ui.tab : null;
  if (table === null) return [];
  const { hidden } = useColumns.getState();
  return HIDEABLE[table].map(column => ({
    id: `column/${column}`,
    title: `${hidden[table].includes(column) ? 'Show' : 'Hide'} the column ${column}`,
    group: 'Columns',
    run: () => toggleColumn(table, column),
  }));
}

function themes(ui: Ui): Command[] {
  return (Object.keys(THEME_NAMES) as Theme[]).map(theme => ({
    id: `theme/${theme}`,
    title: `Theme: ${THEME_NAMES[theme].toLowerCase()}`,
    group: 'Theme',
    current: ui.theme === theme,
    run: set({ theme }),
  }));
}

/** Going to connections, by number or peer. */
export function connectionCommands(rows: readonly ConnectionRow[]): readonly Command[] {
  return rows.map(row => ({
    id: `connection/${row.id}`,
    title: `Connection ${row.id} ${row.peer}`,
    group: 'Connection',
    note: `${legText(row.leg)}, ${row.verdict}`,
    run: () => selectConnection(row.id),
  }));
}

/** Going to streams that were found. */
export function streamCommands(found: readonly FoundStream[]): readonly Command[] {
  return found.map(each => ({
    id: `stream/${each.connection}/${each.stream}`,
    title: `${each.connection}/${each.stream} ${each.method} ${each.path}`,
    group: 'Stream',
    note: [each.status === 0 ? '' : String(each.status), each.verdict].filter(text => text !== '').join(', '),
    run: () => {
      openStream(each.connection, each.stream);
      useUi.setState({ tab: 'streams' });
    },
  }));
}
