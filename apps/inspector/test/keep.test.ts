import { EXPORT_FORMATS, type LogEvent, loadRecording } from '@glassway/inspector-protocol';
import { describe, expect, test } from 'vitest';
import { NOTHING } from '../src/feed/model.ts';
import { Feed } from '../src/worker/feed.ts';
import { World } from './fake/world.ts';
import { dataFrames, framesMessage, hello, snapshot } from './kit.ts';

function watched(): Feed {
  let ms = 0;
  const world = new World(() => ms);
  const client = world.open({ leg: 0, negotiation: 'alpn', peer: 'client' });
  client.request(1, [
    [':method', 'GET'],
    [':path', '/kept'],
    ['cookie', 'secret'],
  ]);
  ms = 2000;
  const feed = new Feed(() => ms, 64);
  feed.greet(hello());
  feed.take(snapshot(0, 10, world, world.now));
  feed.sections.add(world.sections);
  feed.frames(framesMessage(0, dataFrames(10, { stream: 1, length: 7 })));
  return feed;
}

describe('what the page holds', () => {
  test('saved and opened again is the same, and stands still', () => {
    const file = watched().keep('glassway', '', false)!;
    expect(file.name).toMatch(/^glassway-1970-01-01T00-00-02\.glassway$/);
    expect(loadRecording(file.bytes).count).toBe(10);
    let ms = 50_000;
    const other = new Feed(() => ms, 64);
    other.greet(hello('another gateway'));
    other.frames(framesMessage(0, dataFrames(3)));
    other.load(file.bytes);
    expect(other.status().gateway).toMatchObject({ recorded: true });
    expect(other.status().totals).toMatchObject({ retained: 10, received: 10, dropped: 0 });
    expect(other.now).toBe(2_000_000);
    ms += 60_000;
    expect(other.now).toBe(2_000_000);
    expect(other.store.stream(1, 1)?.facts.path).toBe('/kept');
    expect(other.sections.of(1, 1)).toHaveLength(1);
  });

  test('saved, it has the messages of gRPC, changes of tables, verdicts and waits that were told', () => {
    const feed = watched();
    const base = { connection: 1, seq: 3 } as const;
    const message = { ...base, kind: 'grpc-message', stream: 1, direction: 1, flags: 0, length: 9 } as const;
    const verdict = {
      stream: 1,
      code: 'STREAM_SEND_WINDOW',
      upstream: false,
      text: 'why',
      since: 1,
      lostUs: 2,
      bytes: 3,
    };
    const events: LogEvent[] = [
      { ...message, t: 10, number: 1, at: 5, phase: 'whole' },
      { ...message, t: 20, number: 2, at: 14, phase: 'begin' },
      { ...base, kind: 'table-resized', t: 30, direction: 0, maxSize: 100 },
      { ...base, kind: 'send-blocked', t: 40, stream: 1, cause: 2, pendingBytes: 77 },
      { ...base, kind: 'verdict', t: 300_000, ...verdict },
      { ...message, t: 400_000, number: 2, at: 0, phase: 'end' },
    ];
    feed.take({ type: 'events', from: 0, to: events.length, events });
    const saved = loadRecording(feed.keep('glassway', '', false)!.bytes).events;
    expect(saved.map(({ kind, t }) => [kind, t])).toEqual(events.map(({ kind, t }) => [kind, t]));
    expect(saved).toContainEqual({ ...message, t: 20, number: 2, at: 14, phase: 'begin' });
    // In the past what came later is left out.
    feed.look({ ...NOTHING, at: 35 });
    const then = loadRecording(feed.keep('glassway', '', false)!.bytes);
    expect(then.events.map(({ t }) => t)).toEqual([10, 20, 30]);
    expect(then.now).toBe(35);
  });

  test('is written in every format, narrowed by the filter, without what was redacted', () => {
    const feed = watched();
    for (const format of EXPORT_FORMATS) {
      const text = Buffer.from(feed.keep(format, '', true)!.bytes).toString('latin1');
      expect(text.length, format).toBeGreaterThan(60);
      expect(text, format).not.toContain('secret');
    }
    const lines = Buffer.from(feed.keep('text', 'len>100', true)!.bytes)
      .toString()
      .trim();
    expect(lines).toBe('');
  });

  test('what is no recording changes nothing', () => {
    const feed = watched();
    expect(() => feed.load(Uint8Array.of(1, 2, 3))).toThrow('no glassway recording');
    expect(feed.status().totals.retained).toBe(10);
  });
});
