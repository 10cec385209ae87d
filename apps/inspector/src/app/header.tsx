import { CircleHelp, Command, Contrast, Eraser, Monitor, Moon, Pause, Play, Sun } from 'lucide-react';
import type { ReactNode, RefObject } from 'react';
import { clear, useFeed } from '../feed/client.ts';
import type { LinkState } from '../feed/model.ts';
import { compact } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { Sparkline } from '../ui/sparkline.tsx';
import { FilterBar } from './filter-bar.tsx';
import css from './header.module.css';
import { KeepMenu } from './keep-menu.tsx';
import { togglePalette } from './keyboard.ts';
import { type Theme, useUi } from './ui-store.ts';

/** Brand, state of the link, filter, and what can be done to the whole page. */
export function Header(props: { readonly filterRef: RefObject<HTMLInputElement | null> }): ReactNode {
  const paused = useUi(ui => ui.paused);
  return (
    <header className={css['header']}>
      <div className={css['brand']}>
        <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
          <path className={css['rail']} d="M3 8h26M3 16h26M3 24h26" />
          <path className={css['run']} d="M3 8h10M9 16h14M3 24h17" />
          <circle className={css['stop']} cx="26" cy="24" r="3.6" />
        </svg>
        <h1>
          glass<b>way</b>
        </h1>
      </div>
      <Live />
      <FilterBar inputRef={props.filterRef} />
      <div className={css['actions']}>
        <Button
          aria-pressed={paused}
          title={paused ? 'Show what happens now (p)' : 'Hold the page still; the log keeps filling (p)'}
          onClick={() => useUi.setState({ paused: !paused })}
        >
          {paused ? <Play size={14} /> : <Pause size={14} />}
          {paused ? 'Resume' : 'Pause'}
        </Button>
        <Button title="Empty the log of frames in this page" onClick={clear}>
          <Eraser size={14} />
          Clear
        </Button>
        <KeepMenu />
        <ThemeSwitch />
        <Button
          icon
          bare
          aria-label="Commands"
          title="Commands, connections and streams by name (Ctrl K)"
          onClick={togglePalette}
        >
          <Command size={15} />
        </Button>
        <Button
          icon
          bare
          aria-label="Shortcuts and filters"
          title="Shortcuts and filters (?)"
          onClick={() => useUi.setState({ help: true })}
        >
          <CircleHelp size={16} />
        </Button>
      </div>
    </header>
  );
}

function Live(): ReactNode {
  const link = useFeed(snapshot => snapshot.link);
  const totals = useFeed(snapshot => snapshot.totals);
  const paused = useUi(ui => ui.paused);
  const recorded = useFeed(snapshot => snapshot.gateway?.recorded ?? false);
  const inPast = useUi(ui => ui.at !== null);
  const [tone, text] =
    recorded && link.kind === 'live' ? (['paused', 'recording'] as const) : linkText(link, paused, inPast);
  return (
    <div className={css['live']}>
      <span className={css['state']} data-tone={tone} role="status">
        <span className={css['dot']} aria-hidden="true" />
        {text}
      </span>
      {link.kind === 'live' && !recorded && (
        <span className={css['rate']} title="Frames the gateway records per second">
          <Sparkline
            values={totals.history}
            width={56}
            height={18}
            label="Frames per second over the last 40 seconds"
          />
          <span className={css['rateText']}>{compact(totals.framesPerSecond)}</span> frames/s
        </span>
      )}
    </div>
  );
}

function linkText(
  link: LinkState,
  paused: boolean,
  inPast: boolean,
): readonly ['live' | 'paused' | 'trouble' | 'wait' | 'stopped', string] {
  switch (link.kind) {
    case 'live':
      return paused ? ['paused', 'paused'] : inPast ? ['paused', 'in the past'] : ['live', 'live'];
    case 'connecting':
      return ['wait', link.attempt > 1 ? 'reconnecting' : 'connecting'];
    case 'waiting':
      return ['trouble', 'reconnecting'];
    case 'no-token':
      return ['stopped', 'no token'];
    case 'refused':
      return ['stopped', 'refused'];
  }
}

const THEMES: readonly (readonly [Theme, string, typeof Sun])[] = [
  ['system', 'As the system', Monitor],
  ['light', 'Light', Sun],
  ['dark', 'Dark', Moon],
  ['contrast', 'High contrast', Contrast],
];

function ThemeSwitch(): ReactNode {
  const theme = useUi(ui => ui.theme);
  return (
    <fieldset className={css['themes']}>
      <legend className={css['hidden']}>Colours</legend>
      {THEMES.map(([value, label, Icon]) => (
        <label key={value} className={css['theme']} title={label}>
          <input
            type="radio"
            name="theme"
            value={value}
            checked={theme === value}
            aria-label={label}
            onChange={() => useUi.setState({ theme: value })}
          />
          <Icon size={14} aria-hidden="true" />
        </label>
      ))}
    </fieldset>
  );
}
