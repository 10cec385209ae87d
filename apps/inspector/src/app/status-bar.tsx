import { parseFilter } from '@glassway/inspector-protocol';
import { Funnel, X } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { useFeed } from '../feed/client.ts';
import { count } from '../text/format.ts';
import { Hostile } from '../ui/hostile.tsx';
import ui from '../ui/ui.module.css';
import css from './status-bar.module.css';
import { useUi } from './ui-store.ts';

/** The books: nothing the gateway recorded goes missing without being told. */
export function StatusBar(): ReactNode {
  const totals = useFeed(snapshot => snapshot.totals);
  const gateway = useFeed(snapshot => snapshot.gateway);
  const prefix = useUi(state => state.prefix);
  const missing = totals.produced - totals.received - totals.filtered - totals.dropped;
  return (
    <footer className={css['bar']}>
      {gateway !== null && (
        <span className={css['item']} title={`Release ${gateway.release}`}>
          gateway{' '}
          <b>
            <Hostile text={gateway.name} />
          </b>
        </span>
      )}
      <span
        className={css['books']}
        data-wrong={missing === 0 ? undefined : ''}
        title={
          totals.only === ''
            ? 'Every frame the gateway recorded since this page subscribed was received here, or is known to be dropped.'
            : 'Every frame the gateway recorded since this page asked for a part of them was received here, filtered out there, or is known to be dropped.'
        }
      >
        produced <b>{count(totals.produced)}</b> {missing === 0 ? '=' : '≠'} received <b>{count(totals.received)}</b> +
        {totals.only !== '' && (
          <>
            {' '}
            filtered <b>{count(totals.filtered)}</b> +
          </>
        )}{' '}
        dropped <b className={totals.dropped > 0 ? css['dropped'] : undefined}>{count(totals.dropped)}</b>
        {missing !== 0 && <b> · {count(missing)} unaccounted for</b>}
      </span>
      {totals.behind > 1000 && <span className={css['item']}>{count(totals.behind)} on the way</span>}
      <span className={css['item']} title={`The page keeps the newest ${count(totals.capacity)} frames`}>
        kept <b>{count(totals.retained)}</b>
      </span>
      <Narrowing />
      {gateway?.revealed === true && <span className={css['revealed']}>secrets are shown</span>}
      <span className={css['spring']} />
      {prefix && (
        <span className={css['prefix']} role="status">
          <kbd className={ui['kbd']}>g</kbd> then o s f w h e t, c, l
        </span>
      )}
      <button type="button" className={css['keys']} onClick={() => useUi.setState({ help: true })}>
        <kbd className={ui['kbd']}>?</kbd> shortcuts
      </button>
      <span className={css['hint']}>
        <kbd className={ui['kbd']}>Ctrl K</kbd> commands
      </span>
      <span className={css['hint']}>
        <kbd className={ui['kbd']}>/</kbd> filter
      </span>
      <span className={css['hint']}>
        <kbd className={ui['kbd']}>j</kbd>
        <kbd className={ui['kbd']}>k</kbd> move
      </span>
      <span className={css['hint']}>
        <kbd className={ui['kbd']}>p</kbd> pause
      </span>
    </footer>
  );
}

/* More frames than the page can take: it may ask for fewer. */
function Narrowing(): ReactNode {
  const totals = useFeed(snapshot => snapshot.totals);
  const possible = useFeed(snapshot => snapshot.link.kind === 'live' && snapshot.gateway?.recorded === false);
  const filter = useUi(state => state.filter.trim());
  const understood = useMemo(() => filter !== '' && parseFilter(filter).problems.length === 0, [filter]);
  if (!possible) return null;
  if (totals.only !== '') {
    return (
      <button
        type="button"
        className={css['narrow']}
        aria-label="Receive all frames again"
        title={`Only frames that pass “${totals.only}” are received. Press to receive all again; the log begins anew.`}
        onClick={() => useUi.setState({ only: '' })}
      >
        <Funnel size={11} aria-hidden="true" /> only <code>{totals.only}</code> <X size={11} aria-hidden="true" />
      </button>
    );
  }
  const tooMuch = totals.behind > 1000 || totals.dropped > 0;
  if (!understood) {
    return tooMuch ? <span className={css['hint']}>a filter (/) can be received alone</span> : null;
  }
  return (
    <button
      type="button"
      className={css['narrow']}
      data-urgent={tooMuch ? '' : undefined}
      title="Ask the gateway only for frames that pass the filter, when there are more than the page can take; the log begins anew."
      onClick={() => useUi.setState({ only: filter })}
    >
      <Funnel size={11} aria-hidden="true" /> receive only what matches
    </button>
  );
}
