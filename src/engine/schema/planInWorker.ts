import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FaultData } from '../../protocol/connection.js';
import { Fault } from '../errors/fault.js';
import type { PlannedDdl, PlanRequest } from './planDdl.js';

export type PlanAnswer =
  | { readonly planned: PlannedDdl; readonly fault?: never }
  | { readonly fault: FaultData; readonly planned?: never };

/** Runs planDdl beside the engine's other work. Rejects with its Fault, or FF509 when aborted. */
export async function planInWorker(
  request: PlanRequest,
  { signal, distDir }: { readonly signal: AbortSignal; readonly distDir: string },
): Promise<PlannedDdl> {
  signal.throwIfAborted();
  const worker = new Worker(join(distDir, 'planWorker.js'), { workerData: request });
  let onAbort = (): void => {};
  try {
    const { planned, fault } = await new Promise<PlanAnswer>((resolve, reject) => {
      onAbort = () => reject(new Fault('FF509', 'reading the schema was interrupted'));
      signal.addEventListener('abort', onAbort, { once: true });
      worker.once('message', resolve);
      worker.once('error', (error) =>
        reject(new Fault('FF900', `The DDL could not be planned: ${error.message}`, { cause: error })),
      );
      worker.once('exit', () => reject(new Fault('FF900', 'The DDL could not be planned.')));
    });
    if (planned) return planned;
    const { code, message, ...detail } = fault;
    throw new Fault(code, message, detail);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}
