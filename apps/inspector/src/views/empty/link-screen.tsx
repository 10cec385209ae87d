import { KeyRound, PlugZap } from 'lucide-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { dropToken, keepToken, socketUrl, tokenIn } from '../../app/address.ts';
import { retry, start } from '../../feed/client.ts';
import type { LinkState } from '../../feed/model.ts';
import { Button } from '../../ui/button.tsx';
import { Hostile } from '../../ui/hostile.tsx';
import css from './empty.module.css';

/** Before anything was heard: connecting, no token, or refused. */
export function LinkScreen(props: { readonly link: LinkState }): ReactNode {
  const { link } = props;
  if (link.kind === 'no-token' || (link.kind === 'refused' && link.token))
    return <AskToken refused={link.kind === 'refused'} />;
  return (
    <main className={css['screen']}>
      <PlugZap size={28} className={css['icon']} aria-hidden="true" />
      {link.kind === 'refused' ? (
        <>
          <h2>The gateway and this page do not understand each other</h2>
          <p>
            <Hostile text={link.reason} />
          </p>
        </>
      ) : (
        <>
          <h2>{link.kind === 'waiting' ? 'The gateway does not answer' : 'Connecting to the gateway'}</h2>
          <p>
            {link.kind === 'waiting' ? (
              <>
                <Hostile text={link.reason} />. This page keeps trying (attempt {link.attempt}).
              </>
            ) : (
              'This takes a moment.'
            )}
          </p>
          {link.kind === 'waiting' && <Button onClick={retry}>Retry now</Button>}
        </>
      )}
    </main>
  );
}

function AskToken(props: { readonly refused: boolean }): ReactNode {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const token = tokenIn(text);
    setWrong(token === null);
    if (token === null) return;
    dropToken();
    keepToken(token);
    start(socketUrl(), token);
  };
  return (
    <main className={css['screen']}>
      <KeyRound size={28} className={css['icon']} aria-hidden="true" />
      <h2>{props.refused ? 'The gateway does not know this token' : 'This page needs the gateway’s token'}</h2>
      <p>
        The gateway prints the inspector’s address when it starts, with a token behind the <code>#</code>. Every start
        makes a new one. Open that address, or paste it here.
      </p>
      <form className={css['form']} onSubmit={submit}>
        <input
          type="password"
          autoComplete="off"
          aria-label="Address or token"
          aria-invalid={wrong}
          placeholder="http://127.0.0.1:…/#token=…"
          value={text}
          onChange={event => setText(event.target.value)}
        />
        <Button type="submit" disabled={text.trim() === ''}>
          Connect
        </Button>
      </form>
      {wrong && (
        <p className={css['wrong']} role="alert">
          There is no token in this. It is the long word after “token=”.
        </p>
      )}
    </main>
  );
}
