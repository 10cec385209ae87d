import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Progress } from '../src/listener/http1-progress.ts';
import { DEFAULT_LISTENER_LIMITS, resolveListenerLimits } from '../src/listener/limits.ts';
import { Registry } from '../src/listener/registry.ts';

describe('progress of an HTTP/1 client', () => {
  const limits = { ...DEFAULT_LISTENER_LIMITS, bodyTimeoutMs: 100, writeStallTimeoutMs: 100, minimumProgressBytes: 10 };
  const idle = { waitsForBody: false, bodyOctets: 0 };
  /** A socket as far as progress is seen on it: octets handed over in all, and those still waiting. */
  const socket = (bytesWritten: number, writableLength: number): Socket =>
    ({ bytesWritten, writableLength }) as unknown as Socket;

  it('a response that is taken octet by octet is a stall', () => {
    const progress = new Progress();
    for (let now = 0; now <= 100; now += 20) {
      expect(progress.check(idle, socket(1000 + now / 20, 500), limits, now)).toBe(null);
    }
    expect(progress.check(idle, socket(1006, 500), limits, 120)?.code).toBe('client_write_timeout');
  });

  it('a response that is taken at the least rate is none', () => {
    const progress = new Progress();
    for (let now = 0; now <= 1000; now += 100) {
      expect(progress.check(idle, socket(1000 + now / 10, 500), limits, now)).toBe(null);
    }
  });

  it('nothing waiting is none, however long it is so', () => {
    const progress = new Progress();
    for (let now = 0; now <= 1000; now += 100) expect(progress.check(idle, socket(1000, 0), limits, now)).toBe(null);
    // And the time begins anew when something waits.
    expect(progress.check(idle, socket(1000, 50), limits, 1050)).toBe(null);
  });

  it('another exchange on the connection begins with the whole time', () => {
    const progress = new Progress();
    const body = { waitsForBody: true, bodyOctets: 7 };
    progress.check(body, socket(0, 0), limits, 0);
    progress.restart();
    expect(progress.check(body, socket(0, 0), limits, 150)).toBe(null);
    expect(progress.check(body, socket(0, 0), limits, 251)?.code).toBe('client_body_timeout');
  });

  it('0 switches either off', () => {
    const progress = new Progress();
    const off = { ...limits, bodyTimeoutMs: 0, writeStallTimeoutMs: 0 };
    const body = { waitsForBody: true, bodyOctets: 7 };
    for (const now of [0, 1e6, 2e6]) expect(progress.check(body, socket(10, 5), off, now)).toBe(null);
  });
});

describe('the registry', () => {
  const from = { address: '192.0.2.1', port: 1 };

  it('holds the total', () => {
    const registry = new Registry(2, 0);
    const sockets = [new Socket(), new Socket(), new Socket()];
    expect(sockets.map(socket => registry.add(socket, from))).toEqual([true, true, false]);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, true]);
    expect(registry.size).toBe(2);
    for (const socket of sockets) socket.destroy();
  });

  it('takes nobody in while draining', async () => {
    const registry = new Registry(0, 0);
    expect(await registry.close(1000)).toEqual({ finished: 0, cut: [] });
    const late = new Socket();
    expect(registry.add(late, from)).toBe(false);
    expect(late.destroyed).toBe(true);
  });

  it('asks a connection to leave that comes to speak while draining', async () => {
    const registry = new Registry(0, 0);
    const socket = new Socket();
    registry.add(socket, from);
    const asked: string[] = [];
    registry.assign(socket, {
      connectionId: 1,
      protocol: 'h2',
      openExchanges: 1,
      drain: () => void asked.push('early'),
    });
    const closed = registry.close(10_000);
    registry.assign(socket, {
      connectionId: 2,
      protocol: 'h2',
      openExchanges: 1,
      drain: () => {
        asked.push('late');
        socket.destroy();
      },
    });
    expect(await closed).toEqual({ finished: 1, cut: [] });
    expect(asked).toEqual(['early', 'late']);
  });
});

it.each([
  ['keepAliveTimeoutMs', -1],
  ['maxHeaderBytes', Number.NaN],
  ['bodyTimeoutMs', Number.POSITIVE_INFINITY],
] as const)('a limit that is no number of at least 0 is refused by name: %s', (name, value) => {
  expect(() => resolveListenerLimits({ [name]: value })).toThrow(new RegExp(`^${name} `));
});
