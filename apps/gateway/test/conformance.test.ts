/** The HTTP/2 conformance suite of h2-core against the whole gateway in front of an HTTP/1.1 backend. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe } from 'vitest';
// @boundaries-ignore the suite is for any server, but no part of the published package
import { conformance } from '../../../packages/h2-core/test/conformance/suite.ts';
import { DEFAULT_SETTINGS } from '../src/config/settings.ts';
import { type Gateway, startGateway } from '../src/gateway.ts';
import { Logger } from '../src/log.ts';

const ANY_PORT = { host: '127.0.0.1', port: 0 };

/** Answers once the request has ended, not before. */
const backend = createServer((request, response) => {
  request.resume().once('end', () => response.end('hello from the backend\n'));
});
let gateway: Gateway;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'glassway-conformance-'));
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  const to = [`http://127.0.0.1:${(backend.address() as AddressInfo).port}`];
  gateway = await startGateway(
    { ...DEFAULT_SETTINGS, to, http: ANY_PORT, https: ANY_PORT, inspector: null },
    // Half of the suite are requests that fail: nothing to tell anybody.
    { logger: new Logger('error', () => {}), reportFailures: false, developmentCaDirectory: directory },
  );
});
afterAll(async () => {
  await gateway?.close(0);
  backend.closeAllConnections();
  backend.close();
  await rm(directory, { recursive: true, force: true });
});

describe('the gateway, cleartext', () => {
  conformance(async () => connect(gateway.http!.port, '127.0.0.1'), { scheme: 'http' });
});

describe('the gateway, TLS', () => {
  conformance(
    async () => {
      const { port } = gateway.https!;
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        servername: 'localhost',
        ALPNProtocols: ['h2'],
        ca: gateway.rootCertificate!,
      });
      await once(socket, 'secureConnect');
      return socket;
    },
    { scheme: 'https' },
  );
});
