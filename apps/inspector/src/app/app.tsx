import { type ReactNode, useEffect, useRef } from 'react';
import { useFeed } from '../feed/client.ts';
import { useSplit } from '../ui/use-split.ts';
import { ConnectionView } from '../views/connection-view.tsx';
import { ConnectionList } from '../views/connections/connection-list.tsx';
import { StreamDrawer } from '../views/drawer/stream-drawer.tsx';
import { LinkScreen } from '../views/empty/link-screen.tsx';
import { Welcome } from '../views/empty/welcome.tsx';
import { Findings } from '../views/findings/findings.tsx';
import { Announcer } from './announcer.tsx';
import css from './app.module.css';
import { Header } from './header.tsx';
import { Help } from './help.tsx';
import { startKeyboard } from './keyboard.ts';
import { LinkBanner } from './link-banner.tsx';
import { Notice } from './notice-place.tsx';
import { Palette } from './palette.tsx';
import { Scrubber } from './scrubber.tsx';
import { StatusBar } from './status-bar.tsx';
import { selectConnection, useUi } from './ui-store.ts';

/** The page. */
export function App(): ReactNode {
  const filter = useRef<HTMLInputElement>(null);
  useEffect(() => startKeyboard(() => filter.current?.focus()), []);
  useFirstConnection();

  return (
    <div className={css['app']}>
      <Header filterRef={filter} />
      <div className={css['below']}>
        <Body />
      </div>
      <Scrubber />
      <StatusBar />
      <Help />
      <Palette />
      <Notice />
      <Announcer />
    </div>
  );
}

function Body(): ReactNode {
  const link = useFeed(snapshot => snapshot.link);
  const known = useFeed(snapshot => snapshot.gateway !== null);
  const empty = useFeed(snapshot => snapshot.connections.length === 0);
  if (link.kind === 'no-token' || link.kind === 'refused' || (!known && empty)) return <LinkScreen link={link} />;
  return (
    <>
      <LinkBanner />
      {empty ? <Welcome /> : <Workbench />}
    </>
  );
}

function Workbench(): ReactNode {
  const connection = useUi(ui => ui.connection);
  const stream = useUi(ui => ui.stream);
  const [left, leftHandle] = useSplit({
    key: 'glassway.left',
    initial: 268,
    min: 208,
    max: 420,
    axis: 'x',
    grows: 1,
    label: 'Width of the list of connections',
  });
  const [right, rightHandle] = useSplit({
    key: 'glassway.right',
    initial: 348,
    min: 300,
    max: 620,
    axis: 'x',
    grows: -1,
    label: 'Width of the stream’s pane',
  });
  return (
    <div className={css['body']}>
      <aside className={css['left']} style={{ width: left }} id="connections" aria-label="Connections">
        <ConnectionList />
        <Findings />
      </aside>
      <main className={css['middle']}>
        <div className={css['handle']} {...leftHandle} />
        {connection === null ? <Choose /> : <ConnectionView />}
      </main>
      {stream !== null && (
        <aside className={css['right']} style={{ width: right }} aria-label={`Stream ${stream.stream}`}>
          <div className={css['handle']} {...rightHandle} />
          <StreamDrawer />
        </aside>
      )}
    </div>
  );
}

function Choose(): ReactNode {
  return <p className={css['choose']}>Choose a connection on the left.</p>;
}

/* Without a choice the worst connection is shown, once: what somebody opens this page for. */
function useFirstConnection(): void {
  const chosen = useUi(ui => ui.connection !== null);
  const first = useFeed(
    snapshot => snapshot.connections.find(row => row.health === 'stalled')?.id ?? snapshot.connections[0]?.id ?? null,
  );
  useEffect(() => {
    if (!chosen && first !== null) selectConnection(first);
  }, [chosen, first]);
}
