/** Events: what happened besides frames. A log of its own, in order, lossy under pressure but counted. */
import type { Blocked, ConnectionFacts, Obstacle, ReasonFacts, SettingPairs } from './rows.ts';

interface Base {
  /** Microseconds since the epoch. */
  readonly t: number;
  /** Position in the log of frames when it happened: frames below came before. Caused by the record at or just before it. */
  readonly seq: number;
  readonly connection: number;
}

/** One thing that happened. */
export type LogEvent =
  | (Base & { readonly kind: 'connection-opened'; readonly facts: ConnectionFacts })
  | (Base & { readonly kind: 'connection-closed'; readonly reason: ReasonFacts | null })
  /** RFC 9113 5.1; states as in `StreamState.state`. From 0: the stream was opened; to 6: it is closed. */
  | (Base & { readonly kind: 'stream-state'; readonly stream: number; readonly from: number; readonly to: number })
  /** The exchange joined this client stream to a backend stream. */
  | (Base & {
      readonly kind: 'paired';
      readonly stream: number;
      readonly backendConnection: number;
      readonly backendStream: number;
    })
  | (Base & { readonly kind: 'settings'; readonly event: 'sent' | 'acked' | 'received'; readonly pairs: SettingPairs })
  | (Base & {
      readonly kind: 'goaway';
      readonly direction: 0 | 1;
      readonly lastStreamId: number;
      readonly code: number;
      readonly debug: string;
    })
  | (Base & {
      readonly kind: 'reset';
      readonly stream: number;
      readonly code: number;
      readonly initiator: 'user' | 'library' | 'remote';
      readonly reason: string;
    })
  | (Base & {
      readonly kind: 'violation';
      /** Stable id of the rule. */
      readonly rule: string;
      /** RFC section, such as `9113 6.5`. */
      readonly rfc: string;
      readonly stream: number;
      readonly frameType: number;
      readonly message: string;
    })
  /** The peer has used most of what a limit allows; at the limit the rule is broken and the connection ends. */
  | (Base & {
      readonly kind: 'limit-near';
      /** Stable id of the rule that will be broken, such as `flood.oddities`, and what it says. */
      readonly rule: string;
      readonly text: string;
      readonly used: number;
      readonly limit: number;
    })
  /** The gateway itself answered, reset or gave up on this stream. */
  | (Base & { readonly kind: 'reasoned'; readonly stream: number; readonly reason: ReasonFacts })
  /** The exchange found no place on a connection of this backend and waits. */
  | (Base & { readonly kind: 'waiting'; readonly stream: number; readonly backend: string })
  /** Exchanges wait for this backend, and this is why; `connection` as in `BackendState`. */
  | (Base & { readonly kind: 'backend-waits'; readonly backend: string; readonly obstacle: Obstacle })
  /** The hub found out why a stream does not move; with an empty code, that it moves again after `lostUs`. */
  | (Base & {
      readonly kind: 'verdict';
      readonly stream: number;
      /** A `VerdictCode`, or empty. */
      readonly code: string;
      readonly upstream: boolean;
      /** The sentence without links. */
      readonly text: string;
      /** Since when it stands still. */
      readonly since: number;
      readonly lostUs: number;
      readonly bytes: number;
    })
  /** A stream stopped (or with cause 0 resumed) being able to send. */
  | (Base & {
      readonly kind: 'send-blocked';
      readonly stream: number;
      readonly cause: Blocked;
      readonly pendingBytes: number;
    })
  /**
   * A length-prefixed message of gRPC in the DATA frame at `seq`: it began, was there as a whole, or has come to its end
   * after it began earlier. `number` counts from 1 per stream and direction; `flags` is the prefix's first octet (1:
   * compressed, 0x80: trailers of gRPC-Web); `length` without the prefix; `at`: where in the frame's data its octets begin,
   * or for `end` where they end.
   */
  | (Base & {
      readonly kind: 'grpc-message';
      readonly stream: number;
      readonly direction: 0 | 1;
      readonly number: number;
      readonly flags: number;
      readonly length: number;
      readonly at: number;
      readonly phase: 'begin' | 'whole' | 'end';
    })
  /** The maximum of a dynamic table changed; direction 0 decodes what we receive, 1 encodes what we send. */
  | (Base & { readonly kind: 'table-resized'; readonly direction: 0 | 1; readonly maxSize: number });
