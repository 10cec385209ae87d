import { PanelBottom, TriangleAlert } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useRef } from 'react';
import { TAB_NAMES } from '../app/commands.ts';
import { TABS, useUi } from '../app/ui-store.ts';
import { useFeed } from '../feed/client.ts';
import type { Reach } from '../feed/model.ts';
import { count, plural, stamp } from '../text/format.ts';
import { Badge } from '../ui/badge.tsx';
import { Button } from '../ui/button.tsx';
import { Hostile } from '../ui/hostile.tsx';
import css from './connection-view.module.css';
import { FramesTab } from './frames/frames-tab.tsx';
import { HpackTab } from './hpack/hpack-tab.tsx';
import { Overview } from './overview/overview.tsx';
import { SettingsTab } from './settings/settings-tab.tsx';
import { StreamsTab } from './streams/streams-tab.tsx';
import { TimelineTab } from './timeline/timeline-tab.tsx';
import { WindowsTab } from './windows/windows-tab.tsx';
import { healthTone, legText } from './words.ts';

/** The selected connection: its tabs and the one in front. */
export function ConnectionView(): ReactNode {
  const tab = useUi(ui => ui.tab);
  const detail = useFeed(snapshot => snapshot.connection);
  const id = useUi(ui => ui.connection);
  const inPast = useUi(ui => ui.at !== null);
  return (
    <>
      <TabBar />
      <ReachNote />
      <div className={css['panel']} role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {detail === null ? (
          <p className={css['gone']}>
            {inPast
              ? `Connection ${id} had not been opened at this moment.`
              : `Connection ${id} is not known to the gateway any more, or not yet.`}
          </p>
        ) : tab === 'overview' ? (
          <Overview detail={detail} />
        ) : tab === 'streams' ? (
          <StreamsTab />
        ) : tab === 'frames' ? (
          <FramesTab />
        ) : tab === 'windows' ? (
          <WindowsTab />
        ) : tab === 'hpack' ? (
          <HpackTab />
        ) : tab === 'settings' ? (
          <SettingsTab detail={detail} />
        ) : (
          <TimelineTab />
        )}
      </div>
    </>
  );
}

/* Of a moment of the past: what of it is not kept. */
function ReachNote(): ReactNode {
  const reach = useFeed(snapshot => snapshot.reach);
  const text = reach === null ? '' : reachText(reach);
  if (text === '') return null;
  return (
    <p className={css['reach']} role="note">
      <TriangleAlert size={13} aria-hidden="true" />
      <span>{text}</span>
    </p>
  );
}

function reachText({ beyond, from, missing, doubtful }: Reach): string {
  if (beyond) {
    return Number.isFinite(from)
      ? `Frames are kept from ${stamp(from)} s on. Of this earlier moment only the times of streams are certain.`
      : 'No frame is kept: of this moment only the times of streams are certain.';
  }
  if (doubtful === 0) return '';
  const why =
    missing > 0
      ? `${plural(missing, 'frame')} in between never came here`
      : 'the frames kept do not reach back to the beginning of all streams';
  return `≈ marks ${doubtful === 1 ? 'a number that is' : 'numbers that are'} not certain: ${why}.`;
}

function TabBar(): ReactNode {
  const tab = useUi(ui => ui.tab);
  const dock = useUi(ui => ui.dock);
  const row = useFeed(snapshot => snapshot.connection?.row ?? null);
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length]!;
    useUi.setState({ tab: next });
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div className={css['bar']}>
      <div ref={list} className={css['tabs']} role="tablist" aria-label="Views of the connection" onKeyDown={onKeyDown}>
        {TABS.map(name => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            className={css['tab']}
            aria-selected={name === tab}
            aria-controls="tab-panel"
            tabIndex={name === tab ? 0 : -1}
            onClick={() => useUi.setState({ tab: name })}
          >
            {TAB_NAMES[name][0]}
            {name === 'streams' && row !== null && <span className={css['count']}>{count(row.totalStreams)}</span>}
          </button>
        ))}
      </div>
      {row !== null && (
        <div className={css['who']}>
          <span className={css['peer']}>
            #{row.id} {legText(row.leg)} <Hostile text={row.peer} title />
          </span>
          <Badge tone={healthTone(row.health)} title={row.sentence}>
            {row.verdict}
          </Badge>
        </div>
      )}
      {tab === 'streams' && (
        <Button
          icon
          small
          bare
          aria-pressed={dock}
          aria-label="Windows and frames below the table"
          title="Windows and frames below the table"
          onClick={() => useUi.setState({ dock: !dock })}
        >
          <PanelBottom size={15} />
        </Button>
      )}
    </div>
  );
}
