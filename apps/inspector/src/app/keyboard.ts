/** Single-key shortcuts. They never fire while something is being typed, and never with Ctrl, Alt or Meta. */
import { current } from '../feed/client.ts';
import { goTo } from '../views/findings/findings.tsx';
import { openStream, selectConnection, TABS, useUi } from './ui-store.ts';

/** What `?` shows. */
export const SHORTCUTS: readonly (readonly [keys: string, does: string])[] = [
  ['/', 'go to the filter'],
  ['j  k', 'next, previous row (frame, stream or connection)'],
  ['[  ]', 'previous, next connection'],
  ['1 – 7', 'Overview, Streams, Frames, Windows, HPACK, Settings, Timeline'],
  ['w', 'windows of this connection'],
  ['p', 'pause and resume; the log keeps filling'],
  ['f', 'follow the newest frames'],
  ['e', 'next finding'],
  ['Esc', 'close the drawer, leave a field'],
  ['?', 'this list'],
];

/** Starts listening. `focusFilter` puts the cursor into the filter bar. */
export function startKeyboard(focusFilter: () => void): () => void {
  const typing = 'input:not([type="radio"]), textarea, select, [role="dialog"], dialog';
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target instanceof Element && event.target.closest(typing)) return;
    if (act(event.key, focusFilter)) event.preventDefault();
  };
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
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
    case 'Escape':
      if (ui.frame !== null && ui.tab === 'frames') useUi.setState({ frame: null });
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

/** Selects the next (1) or previous (-1) row of the list in front; without one, of the connections. */
export function moveRow(step: 1 | -1): boolean {
  const { tab } = useUi.getState();
  if (tab === 'frames') return moveFrame(step);
  if (tab === 'streams') return moveStream(step);
  return moveConnection(step);
}

/** Selects the next or previous frame. The rows around the selected one are always loaded, as it is kept in view. */
export function moveFrame(step: 1 | -1): boolean {
  const part = current().frames.tab;
  if (part === null || part.rows.length === 0) return false;
  const at = part.rows.findIndex(row => row.ordinal === part.base + part.selectedIndex);
  const next = at < 0 ? (step > 0 ? part.rows[0] : part.rows.at(-1)) : part.rows[at + step];
  if (next !== undefined) useUi.setState({ frame: next.row, follow: false });
  return true;
}

let lastFinding = '';

/* Each press goes to the finding after the one before, and around. */
function nextFinding(): boolean {
  const { findings } = current();
  const next =
    findings[(findings.findIndex(finding => finding.key === lastFinding) + 1) % Math.max(1, findings.length)];
  if (next === undefined) return false;
  lastFinding = next.key;
  goTo(next);
  return true;
}

function moveStream(step: 1 | -1): boolean {
  const part = current().streams;
  if (part === null || part.rows.length === 0) return moveConnection(step);
  const at = part.selectedIndex < 0 ? -1 : part.selectedIndex - part.first;
  const next = at < 0 ? part.rows[0] : part.rows[at + step];
  if (next !== undefined) openStream(next.connection, next.stream);
  return true;
}

function moveConnection(step: 1 | -1): boolean {
  const rows = current().connections;
  const at = rows.findIndex(row => row.id === useUi.getState().connection);
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
  if (next === undefined) return false;
  selectConnection(next.id);
  return true;
}
