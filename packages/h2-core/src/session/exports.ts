/**
 * What the doors of both roles, `./server` and `./client`, give alike.
 *
 * @module
 */

export type { Connection } from '../connection.ts';
export type { Counters } from '../counters.ts';
export {
  ErrorCode,
  type ErrorScope,
  errorCodeName,
  H2Error,
  type H2ErrorInit,
  type Initiator,
  OptionError,
  UsageError,
} from '../errors.ts';
export { type BdpEstimate, bdpSample, bdpStart } from '../flow/bdp.ts';
export type { PaddingStrategy } from '../flow/padding.ts';
export type { AltSvc } from '../frame/extension-frames.ts';
export { ODDITIES, type OddityId } from '../guard/oddities.ts';
export type { FieldList, FieldRule, FieldVerdict, RequestHead } from '../handler.ts';
export type { PseudoField } from '../message/pseudo-order.ts';
export type { EarlyFrame } from '../opening/early-frames.ts';
export type { CoreOptions, ResolvedOptions } from '../options/options.ts';
export { resolveOptions } from '../options/resolve-options.ts';
export { SettingId, type Settings, settingName } from '../settings/settings.ts';
export { type Stream, StreamState } from '../stream/stream.ts';
export { Direction, SectionKind, SettingsEvent, type Tap } from '../tap.ts';
export type { BodySource } from './body-source.ts';
export type { DuplexLike } from './duplex-driver.ts';
export { type HeaderField, HeaderList, type HeadersInput } from './headers.ts';
export type { Clock } from './host.ts';
export { normaliseHeaders } from './normalise.ts';
export { pair } from './pair.ts';
export { FlowControl, RecvStream } from './recv-stream.ts';
export { SendStream } from './send-stream.ts';
export { SessionConnection, type ShutdownOptions } from './session-connection.ts';
export type { SessionOptions } from './session-options.ts';
export type {
  CloseInfo,
  CutStream,
  FrameListeners,
  GoAwayInfo,
  ShutdownReport,
  UnknownFrame,
} from './session-state.ts';
export type { Driver, DriverSink, Transport } from './transport.ts';
export type { WebPair, WebReadable, WebWritable } from './web-driver.ts';
export type { AbortSignalLike, HostAbortSignal, HostReadableStream, HostWritableStream } from './web-streams.ts';
