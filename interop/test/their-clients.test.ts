/** Clients of other people against our server: one test for each client, with and without TLS, and feature. */
import { describe, expect, test } from 'vitest';
import { run, which } from '../peers/programs.ts';
import { type ClientFeature, OF_A_CLIENT } from './support/expectations.ts';
import { ourServer } from './support/our-server.ts';
import { fileOf, isOnCi } from './support/programs.ts';
import { THEIR_CLIENTS } from './support/their-clients.ts';

for (const { name, missing, securities, features } of THEIR_CLIENTS) {
  if (missing !== null && isOnCi) throw new Error(`${missing} is missing; CI runs with every peer`);
  const able = (Object.keys(OF_A_CLIENT) as ClientFeature[]).filter(feature => typeof features[feature] !== 'string');

  describe.skipIf(missing !== null).each(securities)(`${name}, %s`, security => {
    test.each(able.map(feature => [OF_A_CLIENT[feature].title, feature] as const))('%s', async (_, feature) => {
      const server = await ourServer(security);
      const ask = features[feature];
      if (typeof ask === 'string') throw new Error(ask);
      expect(await ask(server)).toBe(OF_A_CLIENT[feature].report);
      if (feature === 'cancel') expect(await server.cancelled).toBe('CANCEL');
      if (feature === 'shutdown') expect(await server.drained).toMatchObject({ error: null, code: 0, cut: 0 });
    });
  });
}

const hasH2load = which('h2load') !== null;
if (!hasH2load && isOnCi) throw new Error('h2load is missing; CI runs with every peer');

describe.skipIf(!hasH2load).each(['cleartext', 'TLS'] as const)('h2load, %s', security => {
  test.each([
    ['300 POST of 20 KB on 3 connections', ['-n', '300', '-c', '3', '-m', '20', '-d', fileOf(20_000)], '/echo', 300],
    ['400 GET on 4 connections, 20 at a time', ['-n', '400', '-c', '4', '-m', '20'], '/trailers', 400],
    ['4 of 4 MiB through windows of 4 KiB', ['-n', '4', '-c', '2', '-m', '2', '-w', '12', '-W', '12'], '/large', 4],
  ])('%s', async (_, args, path, count) => {
    const { base } = await ourServer(security);
    expect((await run('h2load', [...args, `${base}${path}`])).output).toContain(
      `${count} succeeded, 0 failed, 0 errored`,
    );
  });
});
