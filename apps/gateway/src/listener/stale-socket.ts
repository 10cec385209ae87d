/** Unix sockets outlive the process that was killed, and keep the next one from listening. */
import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** Removes the socket at a path when nobody listens behind it; false: there is none, or somebody does. */
export async function removeStaleSocket(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (found?.isSocket() !== true || !(await isRefused(path))) return false;
  // Another process may have taken the place meanwhile.
  const now = await lstat(path).catch(() => null);
  if (now?.ino !== found.ino) return false;
  return unlink(path).then(
    () => true,
    () => false,
  );
}

/** A socket without a listener refuses connections (unix(7)); one that is busy or not ours to use does not. */
function isRefused(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    const answer = (isStale: boolean): void => {
      socket.destroy();
      resolve(isStale);
    };
    socket.once('connect', () => answer(false));
    socket.on('error', (error: NodeJS.ErrnoException) => answer(error.code === 'ECONNREFUSED'));
  });
}
