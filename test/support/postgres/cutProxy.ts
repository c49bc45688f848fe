import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProxyOptions {
  /** Wait before each piece is passed on, in milliseconds, each way. */
  readonly delayMs?: { readonly toServer?: number; readonly toClient?: number };
  /**
   * Passes so many bytes a connection each way, then nothing more until {@link CutProxy.release}: a network that went
   * silent without closing anything.
   */
  readonly holdAfterBytes?: { readonly toServer?: number; readonly toClient?: number };
}

/** A network between client and server that a test can break. */
export interface CutProxy extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Bytes passed to the clients so far. */
  readonly bytesToClient: number;
  /** Destroys every connection (clients see a reset) and refuses new ones until {@link CutProxy.heal}. */
  cut(): void;
  heal(): void;
  /** Ends the hold of {@link ProxyOptions.holdAfterBytes}, for good. */
  release(): void;
  stop(): Promise<void>;
}

/** Listens on a free port and forwards to 127.0.0.1:`port`. */
export async function startCutProxy(port: number, options: ProxyOptions = {}): Promise<CutProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const held = new AbortController();
  let broken = false;
  let bytesToClient = 0;
  const server = createServer((client) => {
    client.on('error', () => undefined);
    if (broken) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port });
    upstream.on('error', () => client.destroy());
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const drop = (): void => {
      pairs.delete(pair);
    };
    client.on('close', drop);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    void forward(client, upstream, options.delayMs?.toServer, options.holdAfterBytes?.toServer, held.signal);
    void forward(
      upstream,
      client,
      options.delayMs?.toClient,
      options.holdAfterBytes?.toClient,
      held.signal,
      (bytes) => {
        bytesToClient += bytes;
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');

  const cut = (): void => {
    broken = true;
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  };
  const stop = async (): Promise<void> => {
    cut();
    held.abort();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    host: '127.0.0.1',
    port: address.port,
    get connections() {
      return pairs.size;
    },
    get bytesToClient() {
      return bytesToClient;
    },
    cut,
    heal: () => {
      broken = false;
    },
    release: () => held.abort(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Passes bytes on with backpressure; ends quietly with either socket. */
async function forward(
  from: Socket,
  to: Socket,
  delayMs = 0,
  holdAfterBytes = Number.POSITIVE_INFINITY,
  released: AbortSignal,
  passed: (bytes: number) => void = () => undefined,
): Promise<void> {
  let left = holdAfterBytes;
  try {
    for await (const piece of from as AsyncIterable<Buffer>) {
      if (delayMs > 0) await sleep(delayMs);
      const now = released.aborted ? piece : piece.subarray(0, Math.min(left, piece.length));
      left -= now.length;
      await write(to, now);
      passed(now.length);
      if (now.length === piece.length) continue;
      await aborted(released, from);
      const rest = piece.subarray(now.length);
      await write(to, rest);
      passed(rest.length);
    }
    to.end();
  } catch {
    to.destroy();
  }
}

function write(to: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (bytes.length === 0) resolve();
    else to.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Until the hold ends, or the socket does. */
function aborted(signal: AbortSignal, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || socket.destroyed) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    socket.once('close', () => resolve());
  });
}
