import { Radio } from 'lucide-react';
import type { ReactNode } from 'react';
import { useFeed } from '../../feed/client.ts';
import { visible } from '../../text/escape.ts';
import { CopyLine } from '../../ui/copy.tsx';
import css from './empty.module.css';

/** Live, and nothing has happened yet: how to make something happen. */
export function Welcome(): ReactNode {
  const gateway = useFeed(snapshot => snapshot.gateway);
  const lines = (gateway?.listeners ?? []).flatMap(curlLines);
  return (
    <main className={css['screen']}>
      <Radio size={28} className={css['icon']} aria-hidden="true" />
      <h2>Listening. No connection yet.</h2>
      {lines.length > 0 ? (
        <>
          <p>Send a request through the gateway, and its connection appears here with every frame of both legs.</p>
          <div className={css['lines']}>
            {lines.map(line => (
              <CopyLine key={line} text={line} />
            ))}
          </div>
        </>
      ) : (
        <p>
          Send a request to one of the addresses the gateway printed when it started, and its connection appears here
          with every frame of both legs.
        </p>
      )}
      <p className={css['aside']}>
        Not what you expected? A client that speaks HTTP/1.1 shows up too, but has no frames. A request that never
        reaches the gateway, such as one that fails in its TLS handshake, is in the gateway’s log.
      </p>
    </main>
  );
}

/** Commands that speak HTTP/2 with a listener. Addresses with anything but plain URL characters make no command. */
export function curlLines(url: string): readonly string[] {
  if (!/^https?:\/\/[A-Za-z0-9.:[\]_-]+\/?$/.test(visible(url))) return [];
  const target = url.endsWith('/') ? url : `${url}/`;
  if (url.startsWith('https:')) return [`curl -k --http2 ${target}`];
  return [`curl --http2-prior-knowledge ${target}`, `curl --http2 ${target}`];
}
