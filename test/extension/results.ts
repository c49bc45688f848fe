/** What a suite inside the extension host tells the runner outside of it: one JSON object a line. */
import { appendFileSync } from 'node:fs';

export type ResultLine =
  | { readonly event: 'start'; readonly total: number }
  | { readonly event: 'pass'; readonly title: string; readonly milliseconds: number }
  | { readonly event: 'skip'; readonly title: string }
  | { readonly event: 'fail'; readonly title: string; readonly error: string }
  | { readonly event: 'note'; readonly text: string }
  | { readonly event: 'end'; readonly passes: number; readonly failures: number };

/** The file that takes the lines; without one mocha reports to the console. */
export const results = process.env['FLEXFERRY_TEST_RESULTS'];

/** Appends synchronously, so that what was seen survives a crash of the host. */
export function write(line: ResultLine): void {
  if (results !== undefined) appendFileSync(results, `${JSON.stringify(line)}\n`);
}

/** A figure worth showing beside the results. */
export function note(text: string): void {
  write({ event: 'note', text });
}
