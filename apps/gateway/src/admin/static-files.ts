/** The inspector page's files, from one folder and nothing outside of it. */
import { readFile, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};

/** Files with a hash in the name, which never change under it: what the page's build puts into `assets`. */
const HASHED = /^\/assets\/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;

/** A file to send. */
export interface StaticFile {
  readonly body: Buffer;
  readonly type: string;
  readonly cacheControl: string;
}

/** Serves one folder. */
export class StaticFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The file for a request path (no query); null: there is none. Only plain names are looked up. */
  async find(path: string): Promise<StaticFile | null> {
    let name: string;
    try {
      name = decodeURIComponent(path);
    } catch {
      return null;
    }
    if (name === '/') name = '/index.html';
    const parts = name.slice(1).split('/');
    // A name that begins with a dot is hidden or climbs; backslashes and NUL mean something to the file system.
    if (parts.some(part => part === '' || part.startsWith('.') || /[\\\0:]/.test(part))) return null;
    try {
      const root = await realpath(this.#root);
      const file = await realpath(join(root, ...parts));
      if (!file.startsWith(root + sep)) return null;
      const cacheControl = HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache';
      const type = TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
      return { body: await readFile(file), type, cacheControl };
    } catch {
      return null;
    }
  }
}
