import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { cipherPolicy, isForbiddenForH2, listen, SecureContexts, type TlsDetails } from '../src/index.ts';
import { Cleanup, echoListener, echoOf, hasPeer, run, sharedCa } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** RFC 9113 Appendix A, all 276 names. */
const APPENDIX_A = readFileSync(new URL('data/appendix-a.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');

/** Registered suites of TLS 1.2 that are ephemeral and authenticated, hence outside Appendix A. */
const OUTSIDE_APPENDIX_A = [
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CCM',
  'TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256',
  'TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_ARIA_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256',
  'TLS_DHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_DHE_DSS_WITH_AES_128_GCM_SHA256',
  'TLS_DHE_PSK_WITH_AES_256_CCM',
  'TLS_PSK_DHE_WITH_AES_128_CCM_8',
  'TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
];

describe('RFC 9113 9.2.2 and Appendix A: isForbiddenForH2', () => {
  test('the list is whole', () => {
    expect(new Set(APPENDIX_A).size).toBe(276);
  });

  test('every suite of Appendix A is forbidden on TLS 1.2', () => {
    expect(APPENDIX_A.filter(name => !isForbiddenForH2(name, 'TLSv1.2'))).toEqual([]);
  });

  test('a suite outside Appendix A must not be refused', () => {
    expect(OUTSIDE_APPENDIX_A.filter(name => isForbiddenForH2(name, 'TLSv1.2'))).toEqual([]);
  });

  test('every TLS 1.3 suite is allowed', () => {
    for (const name of ['TLS_AES_128_GCM_SHA256', 'TLS_AES_128_CCM_8_SHA256', 'TLS_CHACHA20_POLY1305_SHA256']) {
      expect(isForbiddenForH2(name, 'TLSv1.3')).toBe(false);
    }
  });

  test('RFC 9113 9.2: TLS below 1.2 is forbidden whatever the suite', () => {
    expect(isForbiddenForH2('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLSv1.1')).toBe(true);
    expect(isForbiddenForH2('TLS_AES_128_GCM_SHA256', 'unknown')).toBe(true);
  });
});

describe('cipherPolicy', () => {
  /** What a server with this policy and a client that offers these suites agree on; null when they do not. */
  async function negotiate(policy: 'modern' | 'compatible', version: 'TLSv1.2' | 'TLSv1.3', suites?: string) {
    const ca = await sharedCa();
    const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor, ciphers: policy });
    const { port } = await echoListener(cleanup, { contexts });
    return new Promise<TlsDetails | null>(resolve => {
      const client = connect({
        port,
        servername: 'localhost',
        ca: ca.rootCertificate,
        minVersion: version,
        maxVersion: version,
        ALPNProtocols: ['h2'],
        ...(suites === undefined ? {} : { ciphers: `${suites}:@SECLEVEL=0` }),
      });
      let text = '';
      client.on('data', chunk => {
        text += chunk;
      });
      client.on('end', () => resolve(echoOf(text).tls));
      client.on('error', () => resolve(null));
    });
  }

  const tls12 = cipherPolicy('modern')
    .ciphers!.split(':')
    .filter(name => name.startsWith('ECDHE-ECDSA'));

  test.each(tls12)('modern: %s is negotiated and allowed for h2', async suite => {
    expect(await negotiate('modern', 'TLSv1.2', suite)).toMatchObject({ forbiddenForH2: false });
  });

  test.each([
    'ECDHE-ECDSA-AES128-SHA',
    'ECDHE-ECDSA-AES128-SHA256',
    'ECDHE-ECDSA-AES256-SHA384',
    'AES128-GCM-SHA256',
    'AES256-SHA',
    'NULL-SHA256',
  ])('modern: %s cannot be negotiated', async suite => {
    expect(await negotiate('modern', 'TLSv1.2', suite)).toBeNull();
  });

  test('compatible: a CBC suite is negotiated and marked as forbidden for h2', async () => {
    expect(await negotiate('compatible', 'TLSv1.2', 'ECDHE-ECDSA-AES128-SHA')).toMatchObject({
      cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
      forbiddenForH2: true,
    });
  });

  test('compatible: a client that offers both gets the AEAD suite, whatever its own order', async () => {
    expect(await negotiate('compatible', 'TLSv1.2', 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256')).toEqual(
      expect.objectContaining({ cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', forbiddenForH2: false }),
    );
  });

  test('TLS 1.3 is spoken', async () => {
    expect(await negotiate('modern', 'TLSv1.3')).toMatchObject({ version: 'TLSv1.3', forbiddenForH2: false });
  });

  test.skipIf(!hasPeer('openssl'))('the modern list expands to no suite of Appendix A', async () => {
    // What OpenSSL makes of the list, not what the list says.
    const { output } = await run('openssl', ['ciphers', '-s', '-stdname', cipherPolicy('modern').ciphers!]);
    const names = output
      .trim()
      .split('\n')
      .map(line => line.split(' ')[0]!);
    expect(names).toContain('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256');
    expect(names.filter(name => APPENDIX_A.includes(name))).toEqual([]);
  });

  test.skipIf(!hasPeer('openssl'))('RFC 9113 9.2.1: renegotiation is refused', async () => {
    const ca = await sharedCa();
    const contexts = await SecureContexts.load({ onDemand: ca.credentialsFor });
    const listener = await listen({ contexts }, ({ socket }) => void socket.resume());
    cleanup.add(() => listener.close());
    const { port } = listener.address as { port: number };
    const args = ['s_client', '-tls1_2', '-alpn', 'h2', '-connect', `127.0.0.1:${port}`];
    const { output } = await run('openssl', args, 'R\n');
    expect(output).toContain('RENEGOTIATING');
    expect(output).toContain('no renegotiation');
  });
});
