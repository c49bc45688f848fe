/**
 * Every fault Flexferry can report, one documented code each. The text is what the user reads: what happened is
 * said by the error itself, this says what to do. `azure` is the code of Azure's own migration service where one
 * matches, so that a user can look it up.
 */
export interface ErrorCodeEntry {
  readonly help: string;
  readonly azure?: string;
}

export const errorCodes = {
  // --- connecting (FF1xx)
  FF100: {
    help: 'The server cannot be reached. Check host and port, firewall rules and private network of the server, and that the server is running.',
    azure: '603000',
  },
  FF101: {
    help: 'The host name cannot be resolved. Check its spelling and, for a private server, the DNS zone of your network.',
    azure: '603000',
  },
  FF102: {
    help: 'The server refuses the password or there is none. Enter the password of this user again; a Microsoft Entra token lives at most 60 minutes.',
    azure: '603100',
  },
  FF103: {
    help: 'The database does not exist on this server. Check its name (names are case-sensitive) or choose another one.',
    azure: '603102',
  },
  FF104: {
    help: 'The server does not offer TLS. Use sslmode=disable or prefer if the network is trusted, or turn ssl on at the server.',
    azure: '603001',
  },
  FF105: { help: 'The server demands TLS. Use sslmode=require, verify-ca or verify-full.', azure: '603001' },
  FF106: {
    help: 'The certificate of the server cannot be verified. Set sslrootcert to the certificate authority that signed it; for verify-full connect by a name that the certificate carries.',
    azure: '603001',
  },
  FF107: {
    help: 'The server has no pg_hba.conf entry that lets this user in from this address. Ask its administrator to add one.',
    azure: '603100',
  },
  FF108: {
    help: 'All connections of the server are in use. Close some, lower the number of jobs, or raise max_connections.',
  },
  FF109: {
    help: 'Port 6432 is PgBouncer, a pooler that cannot carry a migration. Use port 5432 of the same host.',
  },
  FF110: {
    help: 'The connection string cannot be read. Use postgresql://user@host:5432/database?sslmode=require or host=… port=… dbname=… user=….',
  },
  FF111: {
    help: 'The server did not answer in time. Check the network path, or raise connect_timeout.',
    azure: '603000',
  },
  FF112: {
    help: 'The service or password file cannot be used. Check its path, its content and that only you may read it (chmod 600).',
  },
  FF113: {
    help: 'The role does not exist or may not log in. Check the user name; Flexible Server takes it without "@server".',
    azure: '603100',
  },
  FF114: {
    help: 'The server is starting up, shutting down or in recovery. Wait until it is ready and try again.',
  },
  FF115: {
    help: 'The connection was lost. Check the network and the server, then resume: finished work is kept.',
  },
  FF116: {
    help: 'The server asks for an authentication method that is not supported (only password, md5 and SCRAM-SHA-256 are).',
    azure: '603100',
  },
  FF117: {
    help: 'TLS could not be set up. The server must offer TLS 1.2 or newer; if it asks for a client certificate, set sslcert and sslkey.',
    azure: '603001',
  },
  // --- assessment before anything is changed (FF2xx)
  FF200: {
    help: 'The source user may not read these tables. GRANT SELECT on them to the user, leave their schema out, or connect as their owner.',
    azure: '603110',
  },
  FF201: {
    help: 'Row-level security would hide rows from this user and the copy would be incomplete. Connect as a role with BYPASSRLS or as the owner of the tables (and without FORCE ROW LEVEL SECURITY).',
  },
  FF202: {
    help: 'The target database is not empty. Choose an empty one, or consent to use it beside what is there (on the command line by --yes): nothing in it is dropped or overwritten.',
    azure: '603101',
  },
  FF203: {
    help: 'The target is older than the source. Choose a target of the same or a newer major version.',
    azure: '603400',
  },
  FF204: { help: 'The source is older than PostgreSQL 10. Upgrade it first.', azure: '603400' },
  FF205: {
    help: 'The target user may not create databases or schemas. Connect as the admin login (a member of azure_pg_admin).',
    azure: '603115',
  },
  FF206: {
    help: 'The target is read-only (default_transaction_read_only, a replica, or storage at its limit). Use the primary, grow its storage or turn the setting off.',
    azure: '603112',
  },
  FF207: {
    help: 'An extension that the source depends on is not allow-listed. Add it to the server parameter azure.extensions of the target and start again.',
    azure: '603108',
  },
  FF208: { help: 'Another migration is running into this target database. Wait for it or stop it.' },
  FF209: { help: 'The source and the target are the same database. Choose another target.' },
  FF210: {
    help: 'The checkpoints in the target belong to a migration of another source. Use --restart to begin anew, or choose another target database.',
  },
  FF211: {
    help: 'The locale of the database does not exist on the target, which uses its default instead. Sort order of text may differ.',
    azure: '603401',
  },
  FF212: { help: 'No schema or table is left by the chosen filters. Check the schema names.' },
  FF213: {
    help: 'A table has no primary key or replica identity. It is copied as it is; changes to it cannot be followed later.',
  },
  FF214: { help: 'The target user lacks the rights to continue here. Grant what the message names.' },
  FF215: {
    help: 'Something that was made by others depends on what the earlier run made. Drop or move the object that the message names, then restart; or choose another target database.',
  },
  FF216: {
    help: 'The mapping of the project changed since its unfinished run began, so what was made may have another name now. Take the change back to resume, or use --restart to begin anew.',
  },
  FF217: {
    help: 'The saved DDL holds a conflict between your edits and what was generated anew. Decide for one side between the markers and save.',
  },
  // --- the dump (FF3xx)
  FF300: {
    help: 'Nothing was changed on the target by the failed dump. Correct what the message of pg_dump says and start again.',
  },
  FF301: {
    help: 'No native pg_dump of a sufficient version was found. Install the client tools of the version of the source or newer, or use the built-in one.',
  },
  FF302: { help: 'The SQL of a statement cannot be parsed. It is run as it is.' },
  FF303: {
    help: 'The saved DDL file cannot be read as SQL text. Repair it, or remove it and generate it anew.',
  },
  // --- what a Flexible Server can never accept (FF4xx)
  FF400: { help: 'Superuser attributes and superuser-owned features do not exist on a Flexible Server.' },
  FF401: {
    help: 'The extension cannot be used on this target. Replace what needs it, then drop it at the source or leave it out.',
    azure: '603405',
  },
  FF402: {
    help: 'The procedural language cannot be used on a Flexible Server (only sql, plpgsql and plv8). Rewrite the function.',
    azure: '603413',
  },
  FF403: {
    help: 'Functions written in C or internal need files on the server. Use an extension that provides them.',
    azure: '603413',
  },
  FF404: { help: 'Base types cannot be created on a Flexible Server. Use a domain or a composite type.' },
  FF405: {
    help: 'Text search parsers and templates cannot be created on a Flexible Server. Use the built-in ones.',
  },
  FF406: {
    help: 'Binary-coercible casts cannot be created on a Flexible Server. Use a cast WITH FUNCTION or INOUT.',
    azure: '603409',
  },
  FF407: { help: 'Tablespaces do not exist on a Flexible Server; everything goes to its storage.' },
  FF408: {
    help: 'Operator classes, operator families and access methods need a superuser. Use an extension that provides them.',
  },
  FF409: { help: 'Foreign-data wrappers are created by their extension only.' },
  FF410: {
    help: 'A user mapping holds a password, which is never written to a file. Create it by hand on the target.',
  },
  FF411: { help: 'Security labels cannot be set on a Flexible Server.' },
  FF412: {
    help: 'Publications and subscriptions are not carried over. Create on the target what you still need.',
  },
  FF413: {
    help: 'The role does not exist on the target, so this grant is left out. Create the role and run the statement again.',
  },
  FF414: {
    help: 'The schema public belongs to azure_pg_admin on a Flexible Server: its owner and comment stay as they are. Nothing is lost.',
  },
  FF415: { help: 'The comment of an extension comes with the extension. Nothing is lost.' },
  FF416: {
    help: 'The object exists on the target already and is left as it is. Compare it with the source.',
  },
  FF417: {
    help: 'The object is part of, or depends on, something that was left out or failed. Repair that first.',
  },
  FF418: {
    help: 'A grant is made by the target user instead of the role that granted it on the source. The privilege itself is the same.',
  },
  FF419: { help: 'The project leaves it out. Change the mapping to take it along.' },
  FF420: {
    help: 'It cannot be decided whether this is the name of something that is renamed. Look at the place in the generated DDL and edit it there if it is.',
  },
  FF421: { help: 'Your edit of the saved DDL decides: what is saved is what runs.' },
  FF422: {
    help: 'The source changed since the DDL was generated, and your edits keep it from being replaced. Generate it again: your edits are merged.',
  },
  FF423: { help: 'Only the rows that the project chooses were copied and compared.' },
  // --- running (FF5xx)
  FF500: { help: 'A statement failed on the target. Correct it and resume, or run it by hand.' },
  FF501: {
    help: 'The data of a table could not be copied. Correct the cause and resume: finished tables are kept.',
  },
  FF502: { help: 'The storage of the target is full. Grow it, then resume: finished tables are kept.' },
  FF503: {
    help: 'The target became read-only (storage at 95 % or a failover). Make it writable, then resume.',
  },
  FF504: {
    help: 'A foreign key is violated by rows of the source. It was created NOT VALID; repair the rows and validate it.',
  },
  FF505: { help: 'The sequence could not be read or set. Set its value by hand.' },
  FF506: { help: 'The materialized view could not be refreshed. Refresh it by hand.' },
  FF507: {
    help: 'The table on the target has rows already and nothing is overwritten: its data was not copied.',
  },
  FF508: { help: 'A large object could not be copied. Correct the cause and resume.' },
  FF509: { help: 'The migration was interrupted. Resume it: finished work is kept.' },
  FF510: {
    help: 'A query failed on the server. The message is its own: correct the cause, then try again or resume.',
  },
  FF511: {
    help: 'Since PostgreSQL 17 indexes are built and materialized views refreshed under a search_path of pg_catalog and pg_temp alone. Name the schema inside the function, or ALTER FUNCTION … SET search_path, then resume.',
  },
  // --- verification (FF6xx)
  FF600: {
    help: 'Rows differ between source and target. If the source was written to during the migration, start again with --restart; else report it with the report.',
  },
  FF601: { help: 'The table could not be compared. See the message.' },
  FF602: { help: 'The data was not verified because the migration stopped before.' },
  // --- project and usage (FF7xx)
  FF700: { help: 'The project file is not valid. Correct it at the place named.' },
  FF701: { help: 'The project file was written by a newer Flexferry. Update the extension.' },
  FF702: { help: 'The command line cannot be understood. See flexferry --help.' },
  FF703: { help: 'The report could not be written. Check the folder and the free space.' },
  FF704: { help: 'The mapping of the project contradicts itself. Correct it at the place named.' },
  FF705: {
    help: 'A row filter is one condition over the columns of its own table, as after WHERE: without subqueries, other tables or further clauses.',
  },
  FF706: {
    help: 'Online migration is not part of this version yet. Set the mode of the database to offline.',
  },
  FF900: { help: 'An internal error. Please report it with the log.' },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof errorCodes;
