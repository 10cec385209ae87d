/// <reference types="node" preserve="true" />
/**
 * The core on Node sockets: `attach(socket, connection)` moves octets and time; nothing else here.
 *
 * @module
 */
export { now } from '../session/host.ts';
export { Pump } from '../session/pump.ts';
export { attach } from './pump.ts';
