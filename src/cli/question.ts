import { createInterface } from 'node:readline';
import { Fault } from '../engine/errors/fault.js';

/** True where somebody sits who can answer. */
export const canAsk = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true;

/** One line from the terminal; '' at the end of the input. Rejects with FF509 on a signal. */
export function ask(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  // While it reads, Ctrl-C is a key: it shall mean what it means everywhere.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const answer = new Promise<string>((resolve, reject) => {
    const stop = (): void =>
      reject(
        new Fault('FF509', 'It was interrupted.', { fix: 'Call it again: nothing else is to be done.' }),
      );
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    lines.once('close', () => resolve(''));
    lines.question(question, (line) => resolve(line.trim()));
  });
  return answer.finally(() => lines.close());
}

export async function confirmed(question: string, signal: AbortSignal): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N] `, signal));
}
