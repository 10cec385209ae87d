import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useFeed } from '../feed/client.ts';
import ui from '../ui/ui.module.css';
import { legText } from '../views/words.ts';
import { useUi } from './ui-store.ts';

/** Tells a screen reader, and the browser tab's title, of connections that stall; of nothing else. */
export function Announcer(): ReactNode {
  const stalled = useFeed(snapshot =>
    snapshot.connections
      .filter(row => row.health === 'stalled')
      .map(row => `connection ${row.id}, ${legText(row.leg)}`)
      .join('; '),
  );
  // What stood still at another moment is no news.
  const inPast = useUi(state => state.at !== null);
  const known = useRef<ReadonlySet<string>>(new Set());
  const [text, setText] = useState('');
  useEffect(() => {
    if (inPast) return;
    const now = stalled === '' ? [] : stalled.split('; ');
    const fresh = now.filter(name => !known.current.has(name));
    known.current = new Set(now);
    if (fresh.length > 0) setText(`Stalled: ${fresh.join('; ')}`);
    document.title = now.length === 0 ? 'Glassway inspector' : `(${now.length} stalled) Glassway inspector`;
  }, [stalled, inPast]);
  return (
    <div className={ui['srOnly']} aria-live="polite">
      {text}
    </div>
  );
}
