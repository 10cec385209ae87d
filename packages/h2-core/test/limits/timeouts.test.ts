import { expect } from 'vitest';
import { F, GET, headers, POST, ping, preface, settings, settingsAck } from '../support/frames.ts';
import { GREATEST, limit, server, times, Watched } from '../support/limit.ts';

/** A server that was just made, and has sent its SETTINGS. */
function fresh(options: Parameters<typeof server>[0]): Watched {
  const t = new Watched({ role: 'server', idleTimeoutMs: 0, ...options });
  t.sent();
  return t;
}

/** Tells `t` that it is `at` ms. */
function atTime(t: Watched, at: number): Watched {
  t.now = at;
  t.connection.handleTimeout(at);
  return t;
}

// PRE-03, LIM-37: slowloris
limit('prefaceTimeoutMs', {
  below: () => atTime(fresh({ prefaceTimeoutMs: 1000 }), 999).untouched(),
  at() {
    const t = fresh({ prefaceTimeoutMs: 1000 });
    expect(t.connection.nextTimeout()).toBe(1000);
    atTime(t, 1000).ended('preface.timeout');
  },
  above() {
    // The 24 octets are not enough: SETTINGS belong to it.
    const t = fresh({ prefaceTimeoutMs: 1000 });
    t.receive(preface);
    atTime(t, 1001).ended('preface.timeout');
  },
  burst() {
    for (const at of [0, 500, 999]) {
      const t = fresh({ prefaceTimeoutMs: 1000 });
      for (const octet of preface) t.receive(Uint8Array.of(octet));
      t.now = at;
      t.receive(settings(), settingsAck);
      atTime(t, 5000).untouched();
    }
  },
  off: () => atTime(fresh({ prefaceTimeoutMs: 0, settingsAckTimeoutMs: 0 }), 3_600_000).untouched(),
});

function unacknowledged(options: Parameters<typeof server>[0]): Watched {
  const t = fresh(options);
  t.receive(preface, settings());
  t.sent();
  return t;
}

// SET-07, LIM-37
limit('settingsAckTimeoutMs', {
  below: () => atTime(unacknowledged({ settingsAckTimeoutMs: 1000 }), 999).untouched(),
  at() {
    const t = unacknowledged({ settingsAckTimeoutMs: 1000 });
    expect(t.connection.nextTimeout()).toBe(1000);
    atTime(t, 1000).ended('settings.timeout');
  },
  above: () => atTime(unacknowledged({ settingsAckTimeoutMs: 1000 }), 2000).ended('settings.timeout'),
  burst() {
    // Several under way, each acknowledged in its time.
    const t = unacknowledged({ settingsAckTimeoutMs: 1000 });
    for (const at of times(20, i => i * 900)) {
      atTime(t, at);
      t.receive(settingsAck);
      t.connection.updateSettings([4, 1000 + at]);
      t.sent();
    }
    t.untouched();
  },
  off: () => atTime(unacknowledged({ settingsAckTimeoutMs: 0 }), 3_600_000).untouched(),
});

// GOA-20, LIM-37
limit('idleTimeoutMs', {
  below: () => atTime(server({ idleTimeoutMs: 1000 }), 999).untouched(),
  at() {
    const t = server({ idleTimeoutMs: 1000 });
    expect(t.connection.nextTimeout()).toBe(1000);
    atTime(t, 1000).ended('idle.timeout');
    expect(t.connection.error).toBe(null);
  },
  above() {
    // PINGs are no use of a connection.
    const t = server({ idleTimeoutMs: 1000 });
    t.now = 900;
    t.receive(ping([1, 2, 3, 4, 5, 6, 7, 8]));
    atTime(t, 1500).ended('idle.timeout');
  },
  burst() {
    const t = server({ idleTimeoutMs: 1000 });
    for (const id of times(20, i => 1 + i * 2)) {
      atTime(t, t.now + 999);
      t.receive(headers(id, GET));
      // However long it takes.
      atTime(t, t.now + 5000);
      t.connection.respond(t.stream(id), 200, [], true);
      t.sent();
    }
    t.untouched();
  },
  off: () => atTime(server({ idleTimeoutMs: 0 }), 86_400_000).untouched(),
});

/** A server with an open stream, asked for by PING. */
function kept(options: Parameters<typeof server>[0]): Watched {
  const t = server({ idleTimeoutMs: 0, writeStallTimeoutMs: 0, ...options });
  t.receive(headers(1, POST, F.END_HEADERS));
  return t;
}

// PNG-08, LIM-37: a peer that is gone
limit('keepaliveIntervalMs', {
  below: () => expect(atTime(kept({ keepaliveIntervalMs: 1000 }), 999).sent()).toEqual([]),
  at() {
    const t = kept({ keepaliveIntervalMs: 1000 });
    expect(t.connection.nextTimeout()).toBe(1000);
    expect(atTime(t, 1000).sent()).toEqual(['PING']);
  },
  above() {
    const t = kept({ keepaliveIntervalMs: 1000 });
    expect(atTime(t, 1500).sent()).toEqual(['PING']);
    // One at a time.
    expect(atTime(t, 3000).sent()).toEqual([]);
    t.untouched();
  },
  burst() {
    // Octets of any kind are a sign of life.
    const t = kept({ keepaliveIntervalMs: 1000 });
    for (const at of times(50, i => i * 900)) {
      atTime(t, at);
      t.receive(settings());
      expect(t.sent()).toEqual(['SETTINGS ACK']);
    }
  },
  off() {
    const t = kept({ keepaliveIntervalMs: 0 });
    expect(atTime(t, 3_600_000).sent()).toEqual([]);
  },
});

/** The same, with a PING that left at 1000 ms. */
function pinged(keepaliveTimeoutMs: number): Watched {
  const t = atTime(kept({ keepaliveIntervalMs: 1000, keepaliveTimeoutMs }), 1000);
  expect(t.sent()).toEqual(['PING']);
  return t;
}

// PNG-09, LIM-37
limit('keepaliveTimeoutMs', {
  below: () => atTime(pinged(500), 1499).untouched(),
  at() {
    const t = pinged(500);
    expect(t.connection.nextTimeout()).toBe(1500);
    atTime(t, 1500).ended('keepalive.timeout');
  },
  above: () => atTime(pinged(500), 9000).ended('keepalive.timeout'),
  burst() {
    // The answer may stand behind a long response.
    const t = pinged(500);
    for (const at of times(20, i => 1400 + i * 400)) {
      t.now = at;
      t.receive(settings());
      t.sent();
      atTime(t, at + 300);
    }
    t.untouched();
  },
  off: () => atTime(pinged(GREATEST), 86_400_000).untouched(),
});
