import type { Socket } from 'node:net';
import { driverConnection } from './driver.js';
import type { Session } from './session.js';

/**
 * Takes an idle session's socket away from the driver: from here on the caller speaks the protocol itself and must
 * end the socket. The session is of no use any more but for {@link Session.destroy}. With TLS it is the TLS socket.
 */
export function takeOver(session: Session): Socket {
  const connection = driverConnection(session.client);
  const { stream } = connection;
  for (const event of ['data', 'end', 'close', 'error']) {
    stream.removeAllListeners(event);
    connection.removeAllListeners(event);
  }
  stream.on('error', () => {}); // until the caller listens, a reset must not end the process
  stream.pause();
  return stream;
}
