import { client, server } from './connection.mjs';
import frameReader from './frame-reader.mjs';
import hpack from './hpack.mjs';

/** Every target by its name. */
export const TARGETS = new Map([frameReader, hpack, server, client].map(target => [target.name, target]));
