/**
 * For tests of HTTP/2 software: peers that break rules on purpose, transports in memory that are slow, cut or full, time that
 * passes when told to, frames of any kind, and recordings of connections. Nothing of it is used by the other entries, and
 * what reads and writes frames here shares no code with the core.
 *
 *     Peer <-> TestLink <-> server, client or fetch program under test        SimulatedClock: the time of both
 *     WireChecker, auditConnection: what must hold whatever happens           recordTransport, replay: again, exactly
 *
 * @module
 */
export type { Connection } from '../connection.ts';
export type { Clock } from '../session/host.ts';
export type { Driver, DriverSink, Transport } from '../session/transport.ts';
export { auditConnection } from './audit.ts';
export {
  altSvc,
  continuation,
  data,
  type Fields,
  type FrameChanges,
  fieldBlock,
  frame,
  frameHeader,
  goAway,
  headers,
  hpackInteger,
  hpackString,
  origins,
  ping,
  preface,
  priority,
  priorityUpdate,
  pushPromise,
  requestFields,
  rstStream,
  settingPairs,
  settings,
  settingsAck,
  windowUpdate,
} from './build.ts';
export { WireChecker, WireViolation } from './checker.ts';
export { SimulatedClock } from './clock.ts';
export { ExpectationError, type FrameExpectation } from './expectation.ts';
export {
  content,
  describeFrame,
  type Frame,
  FrameCutter,
  parseFrames,
  type RawFrame,
  WireReader,
  type WireReaderOptions,
} from './frames.ts';
export { type Lane, type LaneOptions, TestLink, type TestLinkOptions } from './link.ts';
export { concat, fromHex, type OctetsLike, octets, readUint, text, toHex, uint } from './octets.ts';
export { Peer, type PeerOptions } from './peer.ts';
export { type RecordedTransport, Recorder, recordTransport } from './recorder.ts';
export type { Recorded, RecordedList, RecordedObject, RecordedStep, Recording, StreamRef } from './recording.ts';
export { type ReplayReport, replay } from './replay.ts';
export {
  Code,
  type CodeName,
  codeName,
  type FlagName,
  Flags,
  flagNames,
  Setting,
  type SettingName,
  settingName,
  Type,
  type TypeName,
  typeName,
} from './wire.ts';
