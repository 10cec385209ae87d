/** What a scenario is: a client and perhaps a backend that follow a script in which one stream comes to stand still. */
import type { ScriptedPeer } from './scripted-peer.ts';

/** How a scripted backend behaves on its `ordinal`-th connection, from 1. */
export type BackendScript = (peer: ScriptedPeer, ordinal: number) => void;

/** One scenario. */
export interface Scenario {
  /** A sentence for the person who watches. */
  readonly about: string;
  /** The `VerdictCode` that the inspector is to come to. */
  readonly verdict: string;
  /** The stream of the client's that stands still. */
  readonly stream: number;
  /** Behind the gateway. Null: the demo site, which answers at once and with as much as is asked for. */
  readonly backend: BackendScript | null;
  /** What the client does once it is connected; its preface has been sent, its SETTINGS not. */
  readonly client: (peer: ScriptedPeer) => void;
}

/** Answers every request with this. */
export function answering(answer: (peer: ScriptedPeer, streamId: number) => void): BackendScript {
  return peer => {
    peer.settings();
    peer.onFrame = (type, streamId) => {
      if (type === 1) answer(peer, streamId);
    };
  };
}
