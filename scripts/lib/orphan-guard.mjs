// Loaded before the gateway by start.mjs. The gateway runs in a process group of its own, so that a signal from the
// terminal reaches it once, by way of start.mjs; when start.mjs is killed outright, this ends the gateway as well.
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.env.GLASSWAY_STARTED_BY === String(process.ppid) && process.channel) {
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // The channel must not keep a gateway alive that has drained.
  process.channel.unref();
}
