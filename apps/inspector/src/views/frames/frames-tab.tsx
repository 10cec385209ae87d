import { frameName, hasValue, parseFilter, setValue, toggleValue } from '@glassway/inspector-protocol';
import { ArrowDownToLine, Copy } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { copyPicked } from '../../app/frame-picks.ts';
import { useUi } from '../../app/ui-store.ts';
import { useFeed } from '../../feed/client.ts';
import { plural } from '../../text/format.ts';
import { Button } from '../../ui/button.tsx';
import { ColumnMenu } from '../../ui/column-menu.tsx';
import { useSplit } from '../../ui/use-split.ts';
import { FrameDetailPane } from './frame-detail.tsx';
import { FrameGrid } from './frame-grid.tsx';
import { frameKind } from './frame-type.tsx';
import css from './frames.module.css';

const TYPES = [0, 1, 8, 3, 4, 6, 7];

/** Every frame of the connection, or of all of them. */
export function FramesTab(): ReactNode {
  const all = useUi(ui => ui.allConnections);
  const frame = useUi(ui => ui.frame);
  const [height, handle] = useSplit({
    key: 'glassway.frame',
    initial: 230,
    min: 120,
    max: Math.max(160, window.innerHeight - 320),
    axis: 'y',
    grows: -1,
    label: 'Height of the frame’s detail',
  });
  return (
    <>
      <Chips />
      <FrameGrid slot="tab" showConnection={all} />
      {frame !== null && (
        <>
          <div className={css['handle']} {...handle} />
          <div className={css['detail']} style={{ height }}>
            <FrameDetailPane />
          </div>
        </>
      )}
    </>
  );
}

/* Chips are another way to write the filter: they show what it says and change its text. */
function Chips(): ReactNode {
  const text = useUi(ui => ui.filter);
  const filter = useMemo(() => parseFilter(text), [text]);
  const fold = useUi(ui => ui.fold);
  const follow = useUi(ui => ui.follow);
  const allConnections = useUi(ui => ui.allConnections);
  const total = useFeed(snapshot => snapshot.frames.tab?.total ?? 0);
  const stream = useUi(ui => ui.stream);
  const picked = useUi(ui => ui.picked.length > 0 || ui.frame !== null);
  const set = (next: string): void => useUi.setState({ filter: next, follow: true });
  return (
    <div className={css['chips']}>
      <div className={css['chipGroup']} role="group" aria-label="Frame types">
        {TYPES.map(type => (
          <button
            key={type}
            type="button"
            className={css['chip']}
            data-kind={frameKind(type)}
            aria-pressed={hasValue(filter, 'type', type)}
            onClick={() => set(toggleValue(text, 'type', type))}
          >
            {frameName(type).replace('WINDOW_UPDATE', 'WINDOW').replace('RST_STREAM', 'RST')}
          </button>
        ))}
      </div>
      <div className={css['chipGroup']} role="group" aria-label="Direction">
        <button
          type="button"
          className={css['chip']}
          aria-pressed={hasValue(filter, 'dir', 0)}
          onClick={() => set(hasValue(filter, 'dir', 0) ? setValue(text, 'dir', null) : setValue(text, 'dir', 0))}
        >
          ← in
        </button>
        <button
          type="button"
          className={css['chip']}
          aria-pressed={hasValue(filter, 'dir', 1)}
          onClick={() => set(hasValue(filter, 'dir', 1) ? setValue(text, 'dir', null) : setValue(text, 'dir', 1))}
        >
          out →
        </button>
      </div>
      {stream !== null && (
        <button
          type="button"
          className={css['chip']}
          aria-pressed={hasValue(filter, 'stream', stream.stream)}
          onClick={() => set(toggleValue(text, 'stream', stream.stream))}
        >
          stream {stream.stream}
        </button>
      )}
      <button
        type="button"
        className={css['chip']}
        aria-pressed={allConnections}
        onClick={() => useUi.setState({ allConnections: !allConnections, follow: true })}
      >
        all connections
      </button>
      <button type="button" className={css['chip']} aria-pressed={fold} onClick={() => useUi.setState({ fold: !fold })}>
        fold DATA
      </button>
      <span className={css['spring']} />
      <span className={css['total']}>{plural(total, 'row')}</span>
      <Button
        small
        aria-pressed={follow}
        title="Stay at the newest frame (f)"
        onClick={() => useUi.setState({ follow: !follow })}
      >
        <ArrowDownToLine size={13} />
        Follow
      </Button>
      <Button
        icon
        small
        bare
        disabled={!picked}
        aria-label="Copy the selected frames"
        title="Copy what is selected as nghttp -v prints it (Ctrl C)"
        onClick={copyPicked}
      >
        <Copy size={14} />
      </Button>
      <ColumnMenu table="frames" />
    </div>
  );
}
