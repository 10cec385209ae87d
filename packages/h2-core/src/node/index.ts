/// <reference types="node" preserve="true" />
/**
 * The core on Node sockets: `attach(socket, connection)` moves octets and time; nothing else here.
 *
 * @module
 */
export type { Connection } from '../connection.ts';
export { now } from '../session/host.ts';
export { Pump } from '../session/pump.ts';
export type { Driver, DriverSink } from '../session/transport.ts';
export { attach } from './pump.ts';
