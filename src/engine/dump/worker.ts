/**
 * A worker thread that runs pg_dump compiled to WebAssembly. libpq's send and recv end in two callbacks: what it sends
 * is posted to the main thread, which owns the socket; what it receives is read from a MessagePort, blocking.
 */
import { readFileSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { frontendFilter } from './frontendFilter.js';
import { cell, type WorkerInput, type WorkerMessage } from './workerProtocol.js';

/** What we use of an Emscripten module. https://emscripten.org/docs/api_reference/module.html */
interface PgDumpModule {
  readonly HEAPU8: Uint8Array;
  readonly ENV: Record<string, string>;
  readonly FS: {
    mkdir(path: string): void;
    writeFile(path: string, data: string): void;
    chmod(path: string, mode: number): void;
    readFile(path: string): Uint8Array;
  };
  addFunction(callback: (pointer: number, length: number) => number, signature: string): number;
  _pgl_set_rw_cbs(read: number, write: number): void;
  callMain(args: string[]): number | undefined;
}

interface ModuleOptions {
  readonly wasmBinary: Uint8Array;
  readonly noExitRuntime: boolean;
  readonly thisProgram: string;
  readonly print: (line: string) => void;
  readonly printErr: (line: string) => void;
  readonly onExit: (code: number) => void;
  readonly preRun: readonly ((module: PgDumpModule) => void)[];
}

const program = '/bin/pg_dump';
const outputFile = '/dump.sql';
const sslRequest = 80877103;
const gssRequest = 80877104;

function post(message: WorkerMessage, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

/** recv(): bytes of the server in order, waiting for them. */
function receiver(input: WorkerInput): {
  read: (target: Uint8Array) => number;
  putFirst: (bytes: Uint8Array) => void;
} {
  const control = new Int32Array(input.control);
  let chunk = new Uint8Array(0);
  let lastRead = 0;

  function next(): Uint8Array | undefined {
    for (;;) {
      const posted = Atomics.load(control, cell.posted);
      const ended = Atomics.load(control, cell.ended) === 1;
      const received = receiveMessageOnPort(input.fromServer) as { message: Uint8Array } | undefined;
      if (received !== undefined) return received.message;
      if (ended) return undefined;
      // libpq reads on while more than 32 kB came at once and takes 0 for "no more for now": waiting here would be a
      // deadlock, since the server waits for us. So 0 is answered once, and only the call after it waits.
      if (lastRead > 0) return undefined;
      Atomics.wait(control, cell.posted, posted);
    }
  }

  return {
    putFirst: (bytes) => {
      chunk = new Uint8Array(bytes);
    },
    read: (target) => {
      if (chunk.length === 0) {
        const received = next();
        if (received === undefined) {
          lastRead = 0;
          return 0;
        }
        chunk = new Uint8Array(received);
        post({ type: 'consumed', bytes: received.length });
      }
      lastRead = Math.min(target.length, chunk.length);
      target.set(chunk.subarray(0, lastRead));
      chunk = chunk.subarray(lastRead);
      return lastRead;
    },
  };
}

/** send(): the start-up packet is answered here, everything else goes to the server. */
function sender(input: WorkerInput, answer: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  const filter = frontendFilter();
  let started = false;
  return (bytes) => {
    if (!started) {
      const code = new DataView(bytes.buffer, bytes.byteOffset).getInt32(4);
      const negotiation = code === sslRequest || code === gssRequest;
      started = !negotiation;
      answer(negotiation ? Uint8Array.of('N'.charCodeAt(0)) : input.startupReply);
      return;
    }
    const filtered = filter(bytes);
    if (filtered !== undefined) post({ type: 'send', bytes: filtered }, [filtered.buffer as ArrayBuffer]);
  };
}

async function main(input: WorkerInput): Promise<void> {
  const { default: createModule } = (await import(input.factoryUrl)) as {
    default: (options: ModuleOptions) => Promise<PgDumpModule>;
  };
  let exitCode = 0;
  const module = await createModule({
    wasmBinary: readFileSync(input.wasmFile),
    noExitRuntime: false,
    thisProgram: program,
    print: (text) => post({ type: 'message', text }),
    printErr: (text) => post({ type: 'message', text }),
    onExit: (code) => {
      exitCode = code;
    },
    preRun: [
      ({ ENV }) => {
        Object.assign(ENV, { HOME: '/home/postgres', USER: 'postgres', LOGNAME: 'postgres', TZ: 'UTC' });
      },
    ],
  });
  const receive = receiver(input);
  const send = sender(input, receive.putFirst);
  module._pgl_set_rw_cbs(
    module.addFunction(
      (pointer, length) => receive.read(module.HEAPU8.subarray(pointer, pointer + length)),
      'iii',
    ),
    module.addFunction((pointer, length) => {
      send(module.HEAPU8.slice(pointer, pointer + length));
      return length;
    }, 'iii'),
  );
  // pg_dump looks for its own executable.
  module.FS.mkdir('/bin');
  module.FS.writeFile(program, '');
  module.FS.chmod(program, 0o755);
  const returned = module.callMain([...input.args, '-f', outputFile]);
  exitCode ||= returned ?? 0;
  const dump = exitCode === 0 ? new Uint8Array(module.FS.readFile(outputFile)) : new Uint8Array(0);
  post({ type: 'done', exitCode, dump }, [dump.buffer as ArrayBuffer]);
}

void main(workerData as WorkerInput);
