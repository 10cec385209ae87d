import { type ReactNode, useEffect, useState } from 'react';
import { retry, useFeed } from '../feed/client.ts';
import { Button } from '../ui/button.tsx';
import { Hostile } from '../ui/hostile.tsx';
import css from './app.module.css';

/** Above old data while there is no connection: that it is old, why, and when the next attempt comes. */
export function LinkBanner(): ReactNode {
  const link = useFeed(snapshot => snapshot.link);
  const [seconds, setSeconds] = useState(0);
  const retryAt = link.kind === 'waiting' ? link.retryAt : 0;
  useEffect(() => {
    if (retryAt === 0) return;
    const count = (): void => setSeconds(Math.max(0, Math.ceil((retryAt - Date.now()) / 1000)));
    count();
    const timer = setInterval(count, 250);
    return () => clearInterval(timer);
  }, [retryAt]);
  if (link.kind === 'live' || (link.kind === 'connecting' && link.attempt <= 1)) return null;
  return (
    <div className={css['banner']}>
      <span>
        {link.kind === 'waiting' ? (
          <>
            <b>Disconnected</b>: <Hostile text={link.reason} />. What is shown is how things were. Next attempt{' '}
            {seconds === 0 ? 'now' : `in ${seconds} s`}.
          </>
        ) : (
          <>
            <b>Reconnecting.</b> What is shown is how things were.
          </>
        )}
      </span>
      <Button small onClick={retry}>
        Retry now
      </Button>
    </div>
  );
}
