/** Servers of other people against our client: one test for each server, with and without TLS, and feature. */
import { beforeAll, describe, expect, test } from 'vitest';
import { OF_A_SERVER, type ServerFeature } from './support/expectations.ts';
import { ourClient, type TheirRunningServer, tryFeature } from './support/our-client.ts';
import { isOnCi } from './support/programs.ts';
import { THEIR_SERVERS } from './support/their-servers.ts';

for (const { name, missing, securities, cannot, start } of THEIR_SERVERS) {
  if (missing !== null && isOnCi) throw new Error(`${missing} is missing; CI runs with every peer`);
  const able = (Object.keys(OF_A_SERVER) as ServerFeature[]).filter(feature => cannot[feature] === undefined);

  describe.skipIf(missing !== null).each(securities)(`${name}, %s`, security => {
    let server: TheirRunningServer;
    beforeAll(async () => {
      server = await start(security);
    });

    test.each(able.map(feature => [OF_A_SERVER[feature].title, feature] as const))('%s', async (_, feature) => {
      const client = await ourClient(server.port, security);
      expect(await tryFeature(feature, client, server)).toBe(OF_A_SERVER[feature].seen);
      // However the feature went, the connection is whole.
      expect((await client.shutdown({ deadlineMs: 5000 })).cut).toEqual([]);
      expect((await client.closed).error).toBe(null);
    });
  });
}
