import type { Core } from '../core.ts';
import { DEFAULT_WINDOW } from '../frame/types.ts';
import type { RequestHead } from '../handler.ts';
import { checkHead } from '../outbound.ts';
import { ConnectionError } from '../rules.ts';
import { initialSettings } from '../settings/initial-settings.ts';
import { parseSettings } from '../settings/settings.ts';
import type { SettingsExchange } from '../settings/settings-exchange.ts';
import { StreamRecord, StreamState } from '../stream/stream.ts';
import { Direction, SectionKind, type Tap } from '../tap.ts';

/**
 * The beginning of a connection that was upgraded from HTTP/1.1 (RFC 7540 3.2): the request that asked for it is stream 1,
 * of which the client's half has ended, and the client's HTTP2-Settings are in force without an acknowledgement. On the server:
 * applies those and delivers the request.
 */
export function acceptUpgrade(
  core: Core,
  settings: SettingsExchange,
  payload: Uint8Array,
  head: RequestHead,
): StreamRecord {
  if (!core.isServer || core.registry.lastRemoteId !== 0) core.misuse('api.upgrade', 'upgrade is for a fresh server');
  if (payload.length % 6 !== 0) core.misuse('api.upgrade', 'HTTP2-Settings is not a SETTINGS payload');
  const stream = new StreamRecord(1, false, DEFAULT_WINDOW, DEFAULT_WINDOW);
  try {
    settings.applyRemote(parseSettings(payload, 0, payload.length), true);
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    core.fail(error);
    return stream;
  }
  stream.sendWindow = core.remote.initialWindowSize;
  stream.isHead = head.method === 'HEAD';
  stream.headReceived = true;
  core.registry.markRemote(1);
  if (core.tap !== null) tellRequest(core.tap, Direction.IN, head);
  core.open(stream, StreamState.HALF_CLOSED_REMOTE);
  core.handler.onRequest?.(stream, head, true);
  return stream;
}

/** Client: the request was sent by HTTP/1.1 and answered by 101; its response comes on the stream returned. */
export function requestUpgraded(
  core: Core,
  settings: SettingsExchange,
  head: RequestHead,
  context: unknown,
): StreamRecord {
  if (core.isServer || core.registry.nextLocalId !== 1) core.misuse('api.upgrade', 'upgrade is for a fresh client');
  checkHead(core, head);
  // RFC 7540 3.2.1: 101 acknowledged what HTTP2-Settings said; the same values come again with the preface.
  settings.applyLocal(initialSettings(false, core.options));
  const stream = new StreamRecord(1, true, core.remote.initialWindowSize, core.local.initialWindowSize);
  stream.context = context;
  stream.isHead = head.method === 'HEAD';
  stream.headSent = true;
  core.registry.nextLocalId = 3;
  if (core.tap !== null) tellRequest(core.tap, Direction.OUT, head);
  core.open(stream, StreamState.HALF_CLOSED_LOCAL);
  return stream;
}

/** Tells the tap of a request that came without HEADERS: fields of no size on this connection's wire. */
function tellRequest(tap: Tap, direction: Direction, head: RequestHead): void {
  const LITERAL = 2;
  tap.onFieldSectionStart(direction, 1);
  tap.onField(direction, ':method', head.method, LITERAL, 0, 0);
  tap.onField(direction, ':scheme', head.scheme, LITERAL, 0, 0);
  tap.onField(direction, ':authority', head.authority, LITERAL, 0, 0);
  tap.onField(direction, ':path', head.path, LITERAL, 0, 0);
  for (let i = 0; i < head.fields.length; i += 2) {
    tap.onField(direction, head.fields[i] as string, head.fields[i + 1] as string, LITERAL, 0, 0);
  }
  tap.onFieldSectionEnd(direction, 1, SectionKind.REQUEST, 0);
}
