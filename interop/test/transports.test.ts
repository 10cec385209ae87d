/** The scenario over every transport that Node has. */
import { describe, expect, test } from 'vitest';
import type { Open } from '../hosts/conversation.ts';
import { inMemory, webStreams } from '../hosts/links.ts';
import { RAW_CHECKS } from '../hosts/raw-core.ts';
import { CHECKS, runCheck } from '../hosts/scenario.ts';
import { duplex, tcp, tcpToWeb, tls } from './support/node-links.ts';

const TRANSPORTS: Readonly<Record<string, Open>> = {
  'pair() in memory': inMemory,
  'net.Socket': () => tcp(),
  'net.Socket, half open allowed': () => tcp({ allowHalfOpen: true }),
  TLSSocket: tls,
  'any Duplex': duplex,
  'WHATWG streams': webStreams,
  'Duplex.toWeb of a socket': tcpToWeb,
};

describe.each(Object.entries(TRANSPORTS))('%s', (_, open) => {
  test.each(Object.keys(CHECKS))('%s', async name => {
    expect((await runCheck(name, open)).failure).toBe(null);
  });
});

describe('the core alone', () => {
  test.each(Object.entries(RAW_CHECKS))('%s', (_, check) => check());
});
