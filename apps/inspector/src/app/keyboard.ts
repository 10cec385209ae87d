/**
 * Shortcuts. Single keys and sequences never fire while something is being typed, and never with Ctrl, Alt or Meta; only
 * the palette's own (Ctrl or Cmd+K) works everywhere.
 */
import { TAB_NAMES } from './commands.ts';
import { moveConnection, moveRow, nextFinding, startMoves } from './move.ts';
import { backToNow, stepInTime } from './time-travel.ts';
import { TABS, useUi } from './ui-store.ts';

const SEQUENCES = TABS.map(tab => [TAB_NAMES[tab][1], tab] as const);

/** What `?` shows. */
export const SHORTCUTS: readonly (readonly [keys: string, does: string])[] = [
  ['Ctrl K', 'every command, connection and stream by a part of its name (⌘ K)'],
  ['/', 'go to the filter'],
  ['j  k', 'next, previous row (frame, stream or connection)'],
  ['[  ]', 'previous, next connection'],
  ['1 – 7', 'Overview, Streams, Frames, Windows, HPACK, Settings, Timeline'],
  [`g  ${SEQUENCES.map(([key]) => key).join(' ')}`, 'the same, one key after the other'],
  ['g  c', 'the list of connections'],
  ['w', 'windows of this connection'],
  ['p', 'pause and resume; the log keeps filling'],
  [',  .', 'back and forth in time'],
  ['g  l', 'back to now'],
  ['f', 'follow the newest frames'],
  ['Shift ↑↓', 'in Frames: select more; Ctrl A all, Ctrl C copies as nghttp text'],
  ['e', 'next finding'],
  ['Esc', 'close the drawer, leave a field'],
  ['?', 'this list'],
];

/* Time for the second key of a sequence. */
const SEQUENCE_MS = 2000;

/** Starts listening. `focusFilter` puts the cursor into the filter bar. */
export function startKeyboard(focusFilter: () => void): () => void {
  const typing = 'input:not([type="radio"]), textarea, select, [role="dialog"], dialog';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const endSequence = (): void => {
    clearTimeout(timer);
    if (useUi.getState().prefix) useUi.setState({ prefix: false });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented) return;
    if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      endSequence();
      togglePalette();
      return;
    }
    // Shift alone is on the way to a key, not one.
    if (event.ctrlKey || event.altKey || event.metaKey || event.key === 'Shift') return;
    if (event.target instanceof Element && event.target.closest(typing)) return;
    const second = useUi.getState().prefix;
    endSequence();
    if (!second && event.key === 'g') {
      useUi.setState({ prefix: true });
      timer = setTimeout(endSequence, SEQUENCE_MS);
      event.preventDefault();
      return;
    }
    if (second ? goBy(event.key) : act(event.key, focusFilter)) event.preventDefault();
  };
  const endMoves = startMoves();
  window.addEventListener('keydown', onKey);
  return () => {
    endMoves();
    endSequence();
    window.removeEventListener('keydown', onKey);
  };
}

/** Opens the palette, or closes it. */
export function togglePalette(): void {
  const { palette } = useUi.getState();
  useUi.setState({ palette: !palette, paletteText: '', help: false });
}

function goBy(key: string): boolean {
  if (key === 'l') return backToNow();
  if (key === 'c') {
    document.getElementById('connections')?.querySelector<HTMLElement>('[role="listbox"]')?.focus();
    return true;
  }
  const tab = SEQUENCES.find(([each]) => each === key)?.[1];
  if (tab === undefined) return false;
  useUi.setState({ tab });
  return true;
}

function act(key: string, focusFilter: () => void): boolean {
  const ui = useUi.getState();
  switch (key) {
    case '/':
      focusFilter();
      return true;
    case '?':
      useUi.setState({ help: true });
      return true;
    case 'p':
      useUi.setState({ paused: !ui.paused });
      return true;
    case 'f':
      useUi.setState({ follow: !ui.follow });
      return true;
    case 'e':
      return nextFinding();
    case 'w':
      useUi.setState({ tab: ui.tab === 'windows' ? 'streams' : 'windows' });
      return true;
    case 'j':
      return moveRow(1);
    case 'k':
      return moveRow(-1);
    case ']':
      return moveConnection(1);
    case '[':
      return moveConnection(-1);
    case ',':
      return stepInTime(-1);
    case '.':
      return stepInTime(1);
    case 'Escape':
      if (ui.picked.length > 0 && ui.tab === 'frames') useUi.setState({ picked: [] });
      else if (ui.frame !== null && ui.tab === 'frames') useUi.setState({ frame: null });
      else if (ui.stream !== null) useUi.setState({ stream: null });
      else return false;
      return true;
    default: {
      const tab = /^[1-9]$/.test(key) ? TABS[Number(key) - 1] : undefined;
      if (tab === undefined) return false;
      useUi.setState({ tab });
      return true;
    }
  }
}
