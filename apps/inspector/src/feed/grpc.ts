/** What the page draws of a call of gRPC. */
import type { WireMessage } from '@glassway/inspector-protocol';

/** One message of a call. */
export interface GrpcMessageRow {
  /** 0 received, 1 sent, on this leg. */
  readonly direction: 0 | 1;
  /** From 1 in each direction. */
  readonly number: number;
  /** Octets without the prefix. */
  readonly length: number;
  readonly compressed: boolean;
  /** Not a message but the trailers of gRPC-Web. */
  readonly trailers: boolean;
  /** When it began, in t. */
  readonly t: number;
  /** When its last octet passed; -1: not yet. */
  readonly endAt: number;
}

/** The octets of one message, as far as they were kept. */
export interface GrpcOpenMessage {
  readonly direction: 0 | 1;
  readonly number: number;
  readonly octets: Uint8Array;
  /** What says that it is text; null: it is not. */
  readonly text: string | null;
  /** Read without a schema; null: it is compressed, or says that it is something else. */
  readonly protobuf: WireMessage | null;
}

/** A call. */
export interface GrpcCall {
  /** `grpc-timeout` as it came and in words (empty: it is malformed); null: the caller set none. */
  readonly timeout: { readonly value: string; readonly text: string } | null;
  /** `grpc-encoding` of request and response, empty without. */
  readonly encodings: readonly [request: string, response: string];
  /** -1: not known yet. */
  readonly status: number;
  readonly message: string;
  /** Messages in each direction, those not shown included. */
  readonly received: number;
  readonly sent: number;
  /** Earlier ones, or such that nobody told of, that are not among `messages`. */
  readonly omitted: number;
  readonly messages: readonly GrpcMessageRow[];
  readonly open: GrpcOpenMessage | null;
}
