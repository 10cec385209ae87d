import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './app/tokens.css';
import { readFragment, socketUrl, takeToken, writeFragment } from './app/address.ts';
import { App } from './app/app.tsx';
import { startTasks } from './app/notice.ts';
import { startTheme } from './app/theme.ts';
import { lookOf, useUi } from './app/ui-store.ts';
import { lookAt, start } from './feed/client.ts';

startTheme();
startTasks();
const token = takeToken();
useUi.setState(readFragment(location.hash).place);
start(socketUrl(), token);

lookAt(lookOf(useUi.getState()));
useUi.subscribe(ui => {
  lookAt(lookOf(ui));
  const fragment = writeFragment(ui);
  if (fragment !== location.hash.slice(1))
    history.replaceState(null, '', fragment === '' ? location.pathname : `#${fragment}`);
});
// Somebody pasted another fragment: a place to go to, or a link with a new token.
window.addEventListener('hashchange', () => {
  const fresh = readFragment(location.hash).token;
  if (fresh !== null) start(socketUrl(), takeToken());
  useUi.setState(readFragment(location.hash).place);
});

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
