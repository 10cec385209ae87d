import { expect, test } from 'vitest';
import { F, GET, headers, POST, S, settings } from '../support/frames.ts';
import { GREATEST, limit, server, times } from '../support/limit.ts';

/** SETTINGS of `count` entries that change nothing. */
const entries = (count: number): Uint8Array => settings(...times(count, () => [S.MAX_FRAME_SIZE, 16_384]).flat());

// SET-10, LIM-22
limit('maxSettingsPerFrame', {
  below() {
    const t = server({ maxSettingsPerFrame: 4 });
    t.receive(entries(3));
    t.untouched();
  },
  at() {
    const t = server({ maxSettingsPerFrame: 4 });
    t.receive(entries(4));
    t.untouched();
  },
  above() {
    const t = server({ maxSettingsPerFrame: 4 });
    t.receive(entries(5));
    t.ended('settings.too-many');
  },
  burst() {
    const t = server();
    for (let i = 0; i < 100; i++) {
      t.receive(entries(32));
      t.sent();
    }
    t.untouched();
  },
  off() {
    const t = server({ maxSettingsPerFrame: GREATEST });
    t.receive(entries(2730));
    t.untouched();
  },
});

// LIM-22: CVE-2019-9515
limit('settingsWorkBurst', {
  below() {
    const t = server({ settingsWorkBurst: 10, settingsWorkRefillPerSecond: 0 });
    t.receive(...times(9, () => entries(1)));
    t.untouched();
  },
  at() {
    const t = server({ settingsWorkBurst: 10, settingsWorkRefillPerSecond: 0 });
    t.receive(...times(10, () => entries(1)));
    t.untouched();
  },
  above() {
    const t = server({ settingsWorkBurst: 10, settingsWorkRefillPerSecond: 0 });
    t.receive(...times(11, () => entries(1)));
    t.ended('flood.settings');
  },
  burst() {
    // A peer that tunes its window while a hundred streams are open.
    const t = server();
    t.receive(...times(100, i => headers(1 + i * 2, POST, F.END_HEADERS)));
    for (const i of times(50, i => i)) {
      t.receive(settings(S.INITIAL_WINDOW_SIZE, 100_000 + i));
      t.sent();
    }
    t.untouched();
  },
  off() {
    const t = server({ settingsWorkBurst: 0 });
    for (let i = 0; i < 200; i++) {
      t.receive(...times(100, () => entries(1)));
      t.sent();
    }
    t.untouched();
  },
});

/** All at once, and after a second `count` more. */
function afterASecond(count: number, perSecond: number): ReturnType<typeof server> {
  const t = server({ settingsWorkBurst: 10, settingsWorkRefillPerSecond: perSecond });
  t.receive(...times(10, () => entries(1)));
  t.now = 1000;
  t.receive(...times(count, () => entries(1)));
  return t;
}

// LIM-22
limit('settingsWorkRefillPerSecond', {
  below: () => afterASecond(4, 5).untouched(),
  at: () => afterASecond(5, 5).untouched(),
  above: () => afterASecond(6, 5).ended('flood.settings'),
  burst() {
    const t = server({ settingsWorkBurst: 10, settingsWorkRefillPerSecond: 5 });
    for (const at of times(1000, i => i)) {
      t.now = at * 200;
      t.receive(entries(1));
      t.sent();
    }
    t.untouched();
  },
  off() {
    // As many per millisecond as one may want.
    const t = server({ settingsWorkBurst: 10, settingsWorkRefillPerSecond: GREATEST });
    for (const at of times(100, i => i)) {
      t.now = at + 1;
      t.receive(...times(10, () => entries(1)));
      t.sent();
    }
    t.untouched();
  },
});

test('what costs work: each stream whose window moves, each table entry that goes, more than once per frame', () => {
  // LIM-22, LIM-23
  const t = server({ settingsWorkBurst: 103, settingsWorkRefillPerSecond: 0 });
  t.receive(...times(50, i => headers(1 + i * 2, POST, F.END_HEADERS)));
  t.receive(settings(S.INITIAL_WINDOW_SIZE, 1, S.INITIAL_WINDOW_SIZE, 2));
  t.untouched();
  t.connection.respond(t.stream(1), 200, ['x-a', 'b'], true);
  t.receive(settings(S.HEADER_TABLE_SIZE, 0));
  t.untouched();
  t.receive(settings());
  t.ended('flood.settings');
});

test('settings this core does not know are taken, and charged after the first SETTINGS', () => {
  // FRM-16, LIM-27
  const t = server({ oddityBurst: 3, oddityRefillPerSecond: 0 }, 0xf000, 1, 0xf001, 2, 0xf002, 3, 0xf003, 4);
  t.untouched();
  t.receive(settings(0xf000, 1, 0xf001, 2, 0xf002, 3), headers(1, GET));
  expect(t.log).toEqual(times(3, () => 'odd.setting'));
  t.receive(settings(0xf000, 1));
  t.ended('flood.oddities');
});
