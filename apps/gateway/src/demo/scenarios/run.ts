/** Plays a scenario: its backend behind the gateway, its client in front of it, again and again until told to stop. */
import { connect, createServer } from 'node:net';
import type { Demo } from '../demo.ts';
import { listenLocally } from '../server.ts';
import { startSite } from '../site.ts';
import type { ScenarioName } from './names.ts';
import { POOL, patient } from './patience.ts';
import { SCENARIOS } from './scenarios.ts';
import { ScriptedPeer } from './scripted-peer.ts';

/** Before a client comes back whose connection or requests have ended. */
const AGAIN_MS = 1000;
const RST_STREAM = 3;
const GOAWAY = 7;

/** Starts the scenario's backend. */
export async function startScenarioBackend(name: ScenarioName): Promise<Demo> {
  const { backend } = SCENARIOS[name];
  if (backend === null) {
    const site = await startSite();
    return demoOf(`http://127.0.0.1:${site.port}`, () => site.close());
  }
  let ordinal = 0;
  const server = await listenLocally(createServer(socket => backend(new ScriptedPeer(socket, true), ++ordinal)));
  return demoOf(`h2c://127.0.0.1:${server.port}`, () => server.close());
}

function demoOf(url: string, close: () => Promise<void>): Demo {
  return {
    routes: [{ prefix: '/', to: [POOL] }],
    adapt: settings => patient(settings, url),
    close,
  };
}

/** Starts the scenario's client towards the gateway's cleartext listener; answers how to stop it. */
export function playScenario(
  name: ScenarioName,
  gateway: { readonly host: string; readonly port: number },
): () => void {
  const { client, stream } = SCENARIOS[name];
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let socket = connect(gateway.port, gateway.host);
  const play = (): void => {
    const peer = new ScriptedPeer(socket, false);
    socket.on('close', () => {
      if (!stopped) timer = setTimeout(again, AGAIN_MS);
    });
    client(peer);
    // The gateway gives up on what stands still for too long; then the play begins anew.
    const script = peer.onFrame;
    peer.onFrame = (type, streamId, flags, payload) => {
      script(type, streamId, flags, payload);
      const ended = streamId === stream && (type === RST_STREAM || (type <= 1 && (flags & 1) !== 0));
      if (ended || type === GOAWAY) socket.end();
    };
  };
  const again = (): void => {
    socket = connect(gateway.port, gateway.host);
    play();
  };
  play();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket.destroy();
  };
}
