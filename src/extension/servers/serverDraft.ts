import type { ServerFacts } from '../../protocol/connection.js';
import type { ServerRecord, ServerRole } from './serverRecord.js';

/** A server while it is being added or edited. Lives in memory only, password included. */
export interface ServerDraft {
  readonly editing?: ServerRecord;
  mode: 'paste' | 'form';
  text: string;
  host: string;
  port: string;
  user: string;
  database: string;
  sslmode: string;
  /** Keyword text without password, once the connection was read. */
  connection: string;
  suggestedName: string;
  poolerPort?: number;
  /** Password that stood in the pasted string. */
  pastedPassword?: string;
  password?: string;
  keepPassword: boolean;
  /** What was tested last, so that going back does not test twice. */
  tested?: { readonly connection: string; readonly password: string | undefined };
  facts?: ServerFacts;
  role: ServerRole;
  name: string;
  group?: string;
}

export function newDraft(record?: ServerRecord): ServerDraft {
  return {
    ...(record && { editing: record }),
    mode: 'paste',
    text: record?.connection ?? '',
    host: '',
    port: '5432',
    user: 'postgres',
    database: 'postgres',
    sslmode: 'prefer',
    connection: '',
    suggestedName: '',
    keepPassword: true,
    role: record?.role ?? 'source',
    name: record?.name ?? '',
    ...(record?.group !== undefined && { group: record.group }),
  };
}
