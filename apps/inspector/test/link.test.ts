import { CloseCode, encodeLog, encodeMessage } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import type { LinkState } from '../src/feed/model.ts';
import { FIRST_PAUSE_MS, HELLO_MS, Link, MAX_PAUSE_MS, type Socket } from '../src/worker/link.ts';
import { framesMessage, hello } from './kit.ts';

class FakeSocket implements Socket {
  binaryType = '';
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  readonly sent: string[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }
}

function rig() {
  const sockets: FakeSocket[] = [];
  const states: LinkState[] = [];
  const heard: string[] = [];
  const timers = new Map<number, { call: () => void; at: number }>();
  let now = 0;
  let ids = 0;
  const link = new Link(
    {
      open: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket;
      },
      now: () => now,
      random: () => 1,
      setTimer: (call, ms) => {
        timers.set(++ids, { call, at: now + ms });
        return ids;
      },
      clearTimer: id => timers.delete(id),
    },
    {
      onState: state => states.push(state),
      onHello: message => heard.push(`hello ${message.gateway}`),
      onMessage: message => heard.push(message.type),
      onPayloads: message => heard.push(`payloads ${message.byteLength}`),
      onFrames: message => heard.push(`frames ${message.byteLength}`),
      onLog: (message, bytes) => heard.push(`${message.type} ${message.to} ${bytes}`),
    },
  );
  const pass = (ms: number): void => {
    now += ms;
    for (const [id, { call, at }] of [...timers]) {
      if (at > now) continue;
      timers.delete(id);
      call();
    }
  };
  const greet = (): void => {
    const socket = sockets.at(-1)!;
    socket.onopen?.(null);
    socket.onmessage?.({ data: encodeMessage(hello()) });
  };
  const drop = (code = 1006, reason = ''): void => sockets.at(-1)!.onclose?.({ code, reason });
  return { link, sockets, states, heard, timers, pass, greet, drop };
}

describe('the link', () => {
  test('sends the token first, and is live after HELLO', () => {
    const { link, sockets, states, heard, greet } = rig();
    link.start('ws://x/ws', 'secret');
    expect(sockets[0]!.sent).toEqual([]);
    greet();
    expect(sockets[0]!.sent).toEqual(['{"type":"auth","token":"secret"}']);
    expect(sockets[0]!.binaryType).toBe('arraybuffer');
    expect(states.map(state => state.kind)).toEqual(['connecting', 'live']);
    expect(heard).toEqual(['hello g1']);
  });

  test('tells the binary logs apart', () => {
    const { link, sockets, heard, greet } = rig();
    link.start('ws://x/ws', 'secret');
    greet();
    const tell = (bytes: Uint8Array<ArrayBuffer>): void => sockets[0]!.onmessage?.({ data: bytes.buffer });
    tell(encodeLog({ type: 'fields', from: 3, to: 7, sections: [] }));
    tell(encodeLog({ type: 'events', from: 0, to: 9, events: [] }));
    expect(heard).toEqual(['hello g1', 'fields 7 32', 'events 9 32']);
  });

  test('without a token it asks for one and connects nowhere', () => {
    const { link, sockets, states } = rig();
    link.start('ws://x/ws', null);
    link.retry();
    expect(sockets).toEqual([]);
    expect(states).toEqual([{ kind: 'no-token' }]);
  });

  test('comes back with pauses that double up to a limit, and starts small again after HELLO', () => {
    const { link, sockets, states, greet, drop, pass } = rig();
    link.start('ws://x/ws', 'secret');
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = sockets.length;
      drop();
      const state = states.at(-1)!;
      expect(state.kind).toBe('waiting');
      let waited = 0;
      while (sockets.length === before) {
        pass(FIRST_PAUSE_MS);
        waited += FIRST_PAUSE_MS;
      }
      pauses.push(waited);
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(pauses.at(-1)).toBe(MAX_PAUSE_MS);
    greet();
    drop();
    expect(states.at(-1)).toMatchObject({ kind: 'waiting', attempt: 1 });
  });

  test('a wrong token is not tried again', () => {
    const { link, states, timers, drop } = rig();
    link.start('ws://x/ws', 'secret');
    drop(CloseCode.UNAUTHENTICATED, 'wrong token');
    expect(states.at(-1)).toMatchObject({ kind: 'refused', token: true });
    expect(timers.size).toBe(0);
  });

  test('a gateway of another version is not tried again', () => {
    const { link, sockets, states, timers } = rig();
    link.start('ws://x/ws', 'secret');
    sockets[0]!.onmessage?.({ data: encodeMessage({ ...hello(), version: 99 }) });
    expect(states.at(-1)).toMatchObject({ kind: 'refused', token: false });
    expect(timers.size).toBe(0);
    expect(sockets[0]!.closed).toBe(true);
  });

  test('a gateway that accepts and says nothing is given up', () => {
    const { link, states, sockets, pass } = rig();
    link.start('ws://x/ws', 'secret');
    pass(HELLO_MS);
    expect(states.at(-1)).toMatchObject({ kind: 'waiting' });
    expect(sockets[0]!.closed).toBe(true);
  });

  test('what cannot be understood ends the connection with the reason, and a new one sets things right', () => {
    const { link, sockets, states, greet, pass } = rig();
    link.start('ws://x/ws', 'secret');
    greet();
    sockets[0]!.onmessage?.({ data: '{"type":"surprise"}' });
    expect(states.at(-1)).toMatchObject({ kind: 'waiting', reason: expect.stringContaining('not a server message') });
    pass(MAX_PAUSE_MS);
    expect(sockets).toHaveLength(2);
  });

  test('a socket that was given up is heard no more', () => {
    const { link, sockets, heard, greet } = rig();
    link.start('ws://x/ws', 'secret');
    greet();
    const old = sockets[0]!;
    link.start('ws://x/ws', 'other');
    expect(old.onmessage).toBeNull();
    greet();
    sockets[1]!.onmessage?.({ data: framesMessage(0, [{}]) });
    expect(heard).toEqual(['hello g1', 'hello g1', 'frames 64']);
  });
});
