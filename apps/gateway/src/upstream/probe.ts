import type { Socket } from 'node:net';
import { PREFACE } from '@glassway/h2-core';
import type { Reason } from '../exchange/reason.ts';
import { type DialEvents, dialSocket } from './dial.ts';
import { type ResolvedUpstreamOptions, resolveUpstreamOptions, type UpstreamOptions } from './options.ts';
import { parseTarget, type Target } from './target.ts';
import { dialTls } from './tls-dial.ts';

/** What a backend was found to speak. */
export interface ProbeResult {
  readonly url: string;
  /** It accepts connections. */
  readonly reachable: boolean;
  /** What will be spoken to it, null when nothing will work. */
  readonly protocol: 'http/1.1' | 'h2' | null;
  /** It has shown that it speaks that. */
  readonly confirmed: boolean;
  /** For the banner: `HTTP/1.1`, or what is wrong and what to do about it. */
  readonly text: string;
}

/** Longest time a probe takes, ms. */
const PROBE_MS = 1000;
/** A server that says nothing to the preface for this long is not going to, ms. */
const ANSWER_MS = 400;

/** The HTTP/2 client preface with an empty SETTINGS frame: HTTP/1.1 servers refuse it before any application sees it. */
const HTTP2_HELLO = Buffer.concat([Buffer.from(PREFACE, 'latin1'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);
/** RFC 9112 3.2: a request without Host gets 400, and no application sees it either. */
const HTTP1_HELLO = Buffer.from('OPTIONS * HTTP/1.1\r\nconnection: close\r\n\r\n', 'latin1');

type Answer = 'http/1.1' | 'h2' | 'tls' | 'closed' | 'silent' | 'other';

/**
 * Finds out what a backend speaks, without sending it a request that an application would see. Never rejects, takes about
 * a second at most. Throws for a URL or option that cannot be used.
 */
export async function probe(url: string, options: UpstreamOptions = {}): Promise<ProbeResult> {
  const target = parseTarget(url);
  const resolved = resolveUpstreamOptions({ ...options, connectTimeoutMs: PROBE_MS });
  return target.tls ? probeTls(target, resolved) : probeCleartext(target, resolved);
}

function probeTls(target: Target, options: ResolvedUpstreamOptions): Promise<ProbeResult> {
  return new Promise(resolve => {
    dialTls(
      target,
      options,
      target.scheme === 'h2' ? ['h2'] : ['h2', 'http/1.1'],
      ({ socket, protocol, tls }) => {
        socket.destroy();
        resolve(found(target, protocol, `${protocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1'} over ${tls.version}`));
      },
      failure => resolve(lost(target, failure)),
    );
  });
}

async function probeCleartext(target: Target, options: ResolvedUpstreamOptions): Promise<ProbeResult> {
  const { url, scheme } = target;
  let first = await ask(target, options, HTTP2_HELLO);
  // Many TLS servers drop what is not TLS without an alert.
  if (first === 'closed' && target.socketPath === null && (await speaksTls(target, options))) first = 'tls';
  if (typeof first !== 'string') return lost(target, first);
  const isH2 = scheme === 'h2c';
  // Some HTTP/1.1 servers answer a version they do not know without a status line, or not at all.
  if (!isH2 && (first === 'other' || first === 'closed')) {
    const second = await ask(target, options, HTTP1_HELLO);
    if (second === 'http/1.1') first = second;
  }
  switch (first) {
    case 'h2': {
      if (isH2) return found(target, 'h2', 'HTTP/2 (h2c)');
      const second = await ask(target, options, HTTP1_HELLO);
      if (second === 'http/1.1') return found(target, 'http/1.1', 'HTTP/1.1 (it speaks h2c as well)');
      return {
        url,
        reachable: true,
        protocol: null,
        confirmed: false,
        text: `speaks HTTP/2 only: use h2c://${target.label}`,
      };
    }
    case 'http/1.1':
      if (!isH2) return found(target, 'http/1.1', 'HTTP/1.1');
      return {
        url,
        reachable: true,
        protocol: null,
        confirmed: false,
        text: `speaks HTTP/1.1, not h2c: use http://${target.label}`,
      };
    case 'tls':
      return {
        url,
        reachable: true,
        protocol: null,
        confirmed: false,
        text: `speaks TLS: use https://${target.label}`,
      };
    case 'closed':
    case 'silent':
    case 'other': {
      const what =
        first === 'closed'
          ? 'closes the connection'
          : first === 'silent'
            ? 'does not answer'
            : 'answers something else';
      const text = `accepts connections, but ${what} when spoken to in HTTP`;
      return { url, reachable: true, protocol: isH2 ? null : 'http/1.1', confirmed: false, text };
    }
    default:
      return first satisfies never;
  }
}

function speaksTls(target: Target, options: ResolvedUpstreamOptions): Promise<boolean> {
  return new Promise(resolve => {
    dialTls(
      target,
      { ...options, verifyCertificate: false, connectTimeoutMs: ANSWER_MS },
      ['h2', 'http/1.1'],
      ({ socket }) => {
        socket.destroy();
        resolve(true);
      },
      () => resolve(false),
    );
  });
}

/** Connects, says `hello` and classifies the first octets of the answer. */
function ask(target: Target, options: ResolvedUpstreamOptions, hello: Buffer): Promise<Answer | Reason> {
  return new Promise(resolve => {
    const events: DialEvents = { onread: null, onConnected: () => {}, onDialFailed: resolve };
    dialSocket(target, options, events, socket => {
      const timer = setTimeout(() => answer('silent'), ANSWER_MS);
      const answer = (what: Answer): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(what);
      };
      listen(socket, answer);
      socket.write(hello);
    });
  });
}

function listen(socket: Socket, answer: (what: Answer) => void): void {
  let seen = '';
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1', 0, 16);
    const what = classify(seen);
    if (what !== null) answer(what);
  });
  socket.on('end', () => answer('closed'));
  socket.on('error', () => answer('closed'));
}

/** Null: not enough octets to tell. */
function classify(seen: string): Answer | null {
  if (seen.length < 9)
    return 'HTTP/1.'.startsWith(seen.slice(0, 7)) || seen.startsWith('\0')
      ? null
      : seen.charCodeAt(0) === 0x15
        ? 'tls'
        : 'other';
  if (seen.startsWith('HTTP/1.')) return 'http/1.1';
  // RFC 9113 3.4: a server's first frame is SETTINGS, on stream 0.
  if (seen.startsWith('\0') && seen[3] === '\x04' && seen.slice(5, 9) === '\0\0\0\0') return 'h2';
  return seen.charCodeAt(0) === 0x15 ? 'tls' : 'other';
}

function found(target: Target, protocol: 'http/1.1' | 'h2', text: string): ProbeResult {
  return { url: target.url, reachable: true, protocol, confirmed: true, text };
}

function lost(target: Target, failure: Reason): ProbeResult {
  const reachable = failure.code === 'backend_tls_failed';
  return { url: target.url, reachable, protocol: null, confirmed: false, text: failure.text };
}
