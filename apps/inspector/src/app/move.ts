/** Moves through the lists in front: rows, connections, findings. */
import { current, onSnapshot } from '../feed/client.ts';
import type { Finding, FramesPart, StreamsPart } from '../feed/model.ts';
import { openStream, selectConnection, type Tab, useUi } from './ui-store.ts';

/* Steps in a table that were asked for before its rows came, and of which tab and connection. */
let wanted: { readonly tab: Tab; readonly connection: number | null; readonly steps: readonly (1 | -1)[] } | null =
  null;

/** Keeps presses that came before the rows they are for. Call once; returns what ends that. */
export function startMoves(): () => void {
  const ends = [onSnapshot(settle), useUi.subscribe(settle)];
  return () => {
    for (const end of ends) end();
  };
}

/** Selects the next (1) or previous (-1) row of the list in front; without one, of the connections. */
export function moveRow(step: 1 | -1): boolean {
  const { tab } = useUi.getState();
  if (tab === 'frames') return moveFrame(step);
  if (tab === 'streams') return moveStream(step);
  return moveConnection(step);
}

/** Selects the next or previous frame. The rows around the selected one are always loaded, as it is kept in view. */
export function moveFrame(step: 1 | -1): boolean {
  const part = framesInFront();
  if (part === null) want('frames', useUi.getState().connection, step);
  else if (part.total === 0) return false;
  else stepToFrame(part, step);
  return true;
}

/* The grid's rows, null while they are on their way. */
function framesInFront(): FramesPart | null {
  const part = current().frames.tab;
  return part === null || (part.rows.length === 0 && part.total > 0) ? null : part;
}

/* As with streams below: the selection may be newer than the slice. A folded run is one entry of many frames. */
function stepToFrame(part: FramesPart, step: 1 | -1): void {
  const { rows, base, selected, selectedIndex } = part;
  const { frame } = useUi.getState();
  const shown = frame === null ? -1 : rows.findIndex(row => row.firstRow <= frame && frame <= row.row);
  const at = shown >= 0 || selected !== frame ? shown : rows.findIndex(row => row.ordinal === base + selectedIndex);
  const next = at < 0 ? (step > 0 ? rows[0] : rows.at(-1)) : rows[at + step];
  if (next !== undefined) useUi.setState({ frame: next.row, follow: false });
}

/** Selects the next or previous connection of the list. */
export function moveConnection(step: 1 | -1): boolean {
  const rows = current().connections;
  const at = rows.findIndex(row => row.id === useUi.getState().connection);
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
  if (next === undefined) return false;
  selectConnection(next.id);
  return true;
}

let lastFinding = '';

/** Each call goes to the finding after the one before, and around. */
export function nextFinding(): boolean {
  const { findings } = current();
  const next =
    findings[(findings.findIndex(finding => finding.key === lastFinding) + 1) % Math.max(1, findings.length)];
  if (next === undefined) return false;
  lastFinding = next.key;
  goTo(next);
  return true;
}

const TABS_OF: Readonly<Record<Finding['kind'], Tab>> = {
  stall: 'streams',
  violation: 'overview',
  limit: 'overview',
  pings: 'frames',
  goaway: 'overview',
  resets: 'streams',
  churn: 'hpack',
};

/** Shows what a finding is about. */
export function goTo(finding: Finding): void {
  if (finding.stream > 0) {
    openStream(finding.connection, finding.stream);
    return;
  }
  selectConnection(finding.connection, TABS_OF[finding.kind]);
}

/* The table's rows, null while those of the selected connection are on their way. */
function streamsInFront(): StreamsPart | null {
  const part = current().streams;
  return part !== null && part.connection === useUi.getState().connection ? part : null;
}

function moveStream(step: 1 | -1): boolean {
  const { connection } = useUi.getState();
  if (connection === null) return false;
  const part = streamsInFront();
  if (part !== null) stepTo(part, step);
  else want('streams', connection, step);
  return true;
}

function want(tab: Tab, connection: number | null, step: 1 | -1): void {
  const before = wanted?.tab === tab && wanted.connection === connection ? wanted.steps : [];
  wanted = { tab, connection, steps: [...before, step] };
}

function settle(): void {
  if (wanted === null) return;
  const { tab, connection } = useUi.getState();
  const { steps } = wanted;
  if (tab !== wanted.tab || connection !== wanted.connection) {
    wanted = null;
    return;
  }
  const streams = tab === 'streams' ? streamsInFront() : null;
  const frames = tab === 'frames' ? framesInFront() : null;
  if (streams === null && frames === null) return;
  wanted = null;
  for (const step of steps) {
    if (streams !== null) stepTo(streams, step);
    if (frames !== null) stepToFrame(frames, step);
  }
}

/* The selection may be newer than the slice, which is why it is looked up there and not the other way round. */
function stepTo(part: StreamsPart, step: 1 | -1): void {
  const { stream } = useUi.getState();
  const shown = stream === null ? -1 : part.rows.findIndex(row => row.stream === stream.stream);
  const at = shown >= 0 || part.selected !== stream?.stream ? shown : part.selectedIndex - part.first;
  const next = at < 0 ? part.rows[0] : part.rows[at + step];
  if (next !== undefined) openStream(next.connection, next.stream);
}
