/** Single-key shortcuts. They never fire while something is being typed, and never with Ctrl, Alt or Meta. */
import { moveConnection, moveRow, nextFinding, startMoves } from './move.ts';
import { TABS, useUi } from './ui-store.ts';

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
  const endMoves = startMoves();
  window.addEventListener('keydown', onKey);
  return () => {
    endMoves();
    window.removeEventListener('keydown', onKey);
  };
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
