/** Between builtin.ts (main thread) and worker.ts. Server bytes go through a MessagePort that the worker reads blocking. */
import type { MessagePort } from 'node:worker_threads';

export interface WorkerInput {
  /** file: URL of pgDumpFactory.mjs. */
  readonly factoryUrl: string;
  readonly wasmFile: string;
  readonly args: readonly string[];
  /** What the worker answers to libpq's start-up packet: the real session is authenticated already. */
  readonly startupReply: Uint8Array;
  /** Chunks of server bytes (Uint8Array), in order. */
  readonly fromServer: MessagePort;
  /** Int32 cells, see {@link cell}. */
  readonly control: SharedArrayBuffer;
}

export const cell = {
  /** Counts what was posted to `fromServer`; the worker sleeps on it. */
  posted: 0,
  /** 1 after the last byte of the server. */
  ended: 1,
} as const;

export type WorkerMessage =
  /** Bytes for the server. */
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** So many server bytes were read: the main thread resumes a paused socket by it. */
  | { readonly type: 'consumed'; readonly bytes: number }
  /** A line of stderr. */
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'done'; readonly exitCode: number; readonly dump: Uint8Array };
