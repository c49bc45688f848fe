import type { DdlSeen, SeenDdl } from '../../protocol/follow.js';
import { formatLsn } from '../postgres/lsn.js';
import { ddlPrefix } from '../replication/ddlTrigger.js';
import type { LogicalMessage } from '../replication/pgoutputMessages.js';

/** The newest that are kept. */
const most = 100;
/** Of a name; an identity may name several. */
const longest = 300;

/** The DDL that the source told of, since the migration began. */
export class DdlList {
  private list: readonly SeenDdl[];
  private count: number;
  private done: number;

  constructor(before?: DdlSeen) {
    this.list = before?.last ?? [];
    this.count = before?.total ?? 0;
    this.done = before?.done ?? 0;
  }

  /** Undefined where there was none. */
  get seen(): DdlSeen | undefined {
    const { count, list, done } = this;
    return count === 0 ? undefined : { total: count, last: list, ...(done > 0 && { done }) };
  }

  /** The first `through` are dealt with; those that came since are not. */
  dealWith(through: number): void {
    this.done = Math.max(this.done, Math.min(through, this.count));
  }

  /** What is new; undefined for messages of others, and for what was read before a crash or a lost connection. */
  take({ prefix, lsn, content }: Pick<LogicalMessage, 'prefix' | 'lsn' | 'content'>): SeenDdl | undefined {
    if (prefix !== ddlPrefix) return undefined;
    const at = formatLsn(lsn);
    const ddl = parse(content, at);
    if (ddl === undefined || this.list.some((known) => known.lsn === at)) return undefined;
    this.list = [...this.list, ddl].slice(-most);
    this.count += 1;
    return ddl;
  }
}

/** For the log. */
export const ddlSeenText = ({ command, object }: SeenDdl): string =>
  `DDL on the source: ${command}${object === undefined ? '' : ` ${object}`}`;

/** Anybody may write such a message: it is shown, never run. */
function parse(content: Buffer, lsn: string): SeenDdl | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(content.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { command, type, schema, object, at } = raw as Readonly<Record<string, unknown>>;
  if (typeof command !== 'string' || typeof at !== 'number') return undefined;
  const text = (value: string): string => value.slice(0, longest);
  return {
    command: text(command),
    ...(typeof type === 'string' && { type: text(type) }),
    ...(typeof schema === 'string' && { schema: text(schema) }),
    ...(typeof object === 'string' && { object: text(object) }),
    at,
    lsn,
  };
}
