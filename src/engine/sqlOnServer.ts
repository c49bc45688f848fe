import { classifyDump } from '../ddl/classify.js';
import { loadParser } from '../ddl/parser.js';
import type { ConnectionSpec } from '../protocol/connection.js';
import { dumpSchema } from './dump/dump.js';
import { connect } from './postgres/connect.js';
import { plainDdl } from './schema/ddlText.js';

/**
 * Runs SQL text in one transaction under an empty search_path, as a run does. Rejects with the Fault of the server, with
 * its position in the text.
 */
export async function runSqlOn(
  spec: ConnectionSpec,
  sql: string,
  signal: AbortSignal,
): Promise<{ milliseconds: number }> {
  const session = await connect(spec, 'run SQL', { signal, side: 'target' });
  const stop = (): void => session.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    // As at the head of every dump: what a function calls may come later.
    await session.script('SET check_function_bodies = false');
    const began = performance.now();
    await session.script(sql);
    return { milliseconds: Math.round(performance.now() - began) };
  } finally {
    signal.removeEventListener('abort', stop);
    await session.close();
  }
}

/** The DDL that a database has now, in the sections and the layout of the generated files. */
export async function readDdlOf(
  spec: ConnectionSpec,
  { signal, distDir }: { readonly signal: AbortSignal; readonly distDir: string },
): Promise<{ preData: string; postData: string }> {
  const session = await connect(spec, 'read DDL', { signal, side: 'target' });
  const { versionNum } = session;
  await session.close();
  const { sql } = await dumpSchema({
    spec,
    versionNum,
    tool: 'builtin',
    excludeSchemas: ['flexferry'],
    signal,
    distDir,
    log: () => {},
  });
  await loadParser();
  const statements = classifyDump(sql);
  const first = statements.findIndex((s) => s.section === 'postData');
  const cut = first < 0 ? statements.length : first;
  return {
    preData: plainDdl(statements.slice(0, cut)),
    postData: plainDdl(statements.slice(cut)),
  };
}
