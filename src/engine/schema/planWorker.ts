/** Entry of the worker that parses: PostgreSQL's parser takes memory that WebAssembly gives back with the worker alone. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadParser } from '../../ddl/parser.js';
import { toFault } from '../errors/mapError.js';
import { type PlanRequest, planDdl } from './planDdl.js';
import type { PlanAnswer } from './planInWorker.js';

async function answer(): Promise<PlanAnswer> {
  try {
    await loadParser();
    return { planned: planDdl(workerData as PlanRequest) };
  } catch (error) {
    return { fault: toFault(error, { side: 'server' }).toData() };
  }
}

void answer().then((result) => parentPort?.postMessage(result));
