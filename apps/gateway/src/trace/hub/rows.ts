/** Facts of connections: of one whose beginning was lost, and settings as they come in. */
import type { ConnectionFacts, SettingPairs } from '@glassway/inspector-protocol';

const DEFAULT_TABLE_SIZE = 4096;

/** Facts of a connection whose beginning was lost. `worker` 0: there is only one process. */
export function unknownConnection(id: number, t: number, worker: number): ConnectionFacts {
  return {
    id,
    ...(worker === 0 ? {} : { worker }),
    leg: 0,
    protocol: 'h2',
    negotiation: 'prior-knowledge',
    peer: '',
    local: '',
    tls: null,
    openedAt: t,
    closedAt: -1,
    closeReason: null,
    settings: { sent: [], acked: [], received: [] },
    goAwaySent: null,
    goAwayReceived: null,
    tableMax: { received: DEFAULT_TABLE_SIZE, sent: DEFAULT_TABLE_SIZE },
  };
}

/** Settings after one more SETTINGS frame: by identifier, later values replace earlier ones. */
export function mergeSettings(known: SettingPairs, pairs: SettingPairs): SettingPairs {
  return [...new Map<number, number>([...known, ...pairs])];
}
