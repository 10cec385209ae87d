import { ErrorCode, H2Error, UsageError } from '../errors.ts';
import { lasting } from '../frame/bytes.ts';
import type { SourceReader } from './body-source.ts';
import { Deferred } from './deferred.ts';
import type { SendStream } from './send-stream.ts';
import type { StreamLink } from './stream-link.ts';

/** Sends what a source gives on a stream; see `SendStream.pipeFrom`. */
export function pipe(reader: SourceReader, target: SendStream, link: StreamLink, end: boolean): Promise<void> {
  const done = new Deferred<void>();
  let over = false;
  // A source that waits for its own input would not notice the end of the stream by itself.
  const onFailure = (error: H2Error): void => {
    if (over) return;
    over = true;
    reader.cancel(error);
    done.reject(error);
  };
  link.onFailure(onFailure);
  const finish = (): void => {
    if (end) target.end();
    over = true;
    link.offFailure(onFailure);
    done.resolve();
  };
  const transfer = async (): Promise<void> => {
    try {
      while (!over) {
        const { done: last, value } = await reader.next();
        if (over) return;
        if (last === true) finish();
        else if (value !== undefined && !target.write(typeof value === 'string' ? value : lasting(value)))
          await target.ready();
      }
    } catch (error) {
      // The stream's own failure is told by the listener above; that of a body which is not what its head says (and has
      // failed the stream for it) is the source's.
      if (over || (link.failure !== null && !(error instanceof UsageError))) return;
      over = true;
      reader.cancel(error);
      link.reset(ErrorCode.INTERNAL_ERROR, 'the source of the body failed', error);
      // Another stream's reset is its peer's doing; anything else the program's, to be reported if nobody waits.
      if (error instanceof H2Error) done.reject(error);
      else done.refuse(error);
    }
  };
  if (link.isBodyless) {
    reader.cancel(undefined);
    finish();
  } else {
    void transfer();
  }
  return done.promise;
}
