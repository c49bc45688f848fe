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
    help: 'The role does not exist on the target, so what names it is left out. Create the role, or map it to another one in the project, and run the statement again.',
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
  FF424: {
    help: 'A run works with the DDL that was saved when it began. Resume it to run what was saved since.',
  },
  FF423: { help: 'Only the rows that the project chooses were copied and compared.' },
  FF425: {
    help: 'It ran before the DDL was changed, and what it made is still on the target. Run with --restart to begin anew, or take it back by hand.',
  },
  FF426: {
    help: 'Each statement runs in a transaction of its own, together with the record that it ran: take the command out of the file.',
  },
  FF427: {
    help: 'Passwords are not written into files, and the edited statement holds asterisks in place of one: run it by hand with the password, or take the edit back.',
  },
  FF430: {
    help: 'The attribute of a role is reserved to superusers on this target (SUPERUSER, REPLICATION, BYPASSRLS before PostgreSQL 16) and is left out. Grant the role what it needs instead.',
  },
  FF431: {
    help: 'The role belongs to the platform that runs a server (azuresu, azure_pg_admin, rds_…, cloudsql…). Let the admin login or a role of your own take its place.',
  },
  FF432: {
    help: 'Membership in this predefined role cannot be granted on a Flexible Server. Grant privileges on schemas and tables instead.',
  },
  FF433: {
    help: 'Privileges on system catalogs such as pg_authid and pg_shadow cannot be granted on a Flexible Server. Use the views that everyone may read, such as pg_roles.',
    azure: '603410',
  },
  FF434: {
    help: 'Nobody may read this system catalog on a Flexible Server. Use pg_roles for pg_authid and pg_shadow, pg_stats for pg_statistic, lo_get() for pg_largeobject, pg_stat_subscription for pg_subscription, pg_settings for pg_file_settings.',
  },
  FF435: {
    help: 'The extension is not offered for the major version of this target. Choose a target of another version, or replace what needs the extension.',
    azure: '603408',
  },
  FF436: {
    help: 'ALTER EXTENSION … SET SCHEMA is not supported on a Flexible Server. Create the extension in the schema where it is to be.',
  },
  FF437: {
    help: 'An extension in a system schema may be refused by a Flexible Server. Move it at the source by ALTER EXTENSION … SET SCHEMA public, then generate again.',
    azure: '603407',
  },
  FF438: {
    help: 'The extension works only when its library is named in the server parameter shared_preload_libraries of the target, which takes a restart.',
    azure: '603109',
  },
  FF439: {
    help: 'A Flexible Server gives no access to files and programs of its machine. Use COPY … FROM STDIN, the extension azure_storage, or lo_from_bytea().',
  },
  FF440: {
    help: 'ALTER SYSTEM does not exist on a Flexible Server. Change the server parameter in the portal or by az postgres flexible-server parameter set; some need a restart.',
  },
  FF441: {
    help: 'A setting of a database or role that is reserved to superusers may be refused. Change the server parameter instead.',
  },
  FF442: {
    help: 'The setting default_transaction_read_only would keep the migration from writing to the target. Set it after the migration if it is wanted.',
    azure: '603112',
  },
  FF443: {
    help: 'A Flexible Server may refuse casts of users, so this one is tried. Where it is refused, call the function of the cast by its name.',
    azure: '603409',
  },
  FF444: {
    help: 'Tables WITH OIDS do not exist since PostgreSQL 12: the clause is left out. Add a column of your own if the application reads oid.',
    azure: '603404',
  },
  FF445: {
    help: 'A Flexible Server has no md5() (FIPS). Use sha256(), or hashtextextended() where a hash is only for distribution.',
  },
  FF446: {
    help: 'The function is reserved to superusers on plain PostgreSQL, so a Flexible Server may refuse it. Do without it, or ask for the predefined role that allows it.',
  },
  FF447: {
    help: 'Databases are created and dropped by the migration itself or by hand, never by its generated files. Take the statement out.',
  },
  FF448: {
    help: 'The databases azure_maintenance and azure_sys belong to the Flexible Server and cannot be changed. Take the statement out.',
  },
  FF449: {
    help: 'A collation of your own needs its locale on the target, and a Flexible Server may refuse it. Choose one of pg_collation, or a locale of the provider icu.',
    azure: '603403',
  },
  FF450: {
    help: 'The target does not have this collation. Choose one of its pg_collation; the order of text may differ.',
    azure: '603402',
  },
  FF451: {
    help: 'A table access method of an extension is not there, so the table becomes an ordinary heap. Its rows are the same.',
  },
  FF452: {
    help: 'The target offers its own version of the extension, and takes that one. Read the notes of its release for what changed in between.',
    azure: '603406',
  },
  FF453: {
    help: 'A time limit holds for every session of the database or role, also for long work of administrators. Check that it suits the target.',
  },
  FF454: {
    help: 'FORCE ROW LEVEL SECURITY holds for the owner, too, who afterwards reads only the rows that the policies show. Nothing is lost: rows are copied before, and compared with FORCE lifted for that query alone.',
  },
  FF455: {
    help: 'An unlogged table or sequence is emptied at a crash or failover and is missing on replicas. Take UNLOGGED out if its rows matter.',
  },
  FF456: {
    help: 'Names that differ only in upper and lower case are easily mixed up where an application does not quote them. Rename one if they mean the same.',
  },
  FF457: {
    help: 'The foreign server names a host that the target must reach by itself. Check its address, the firewall and the network of the target, and whether the data moves, too.',
  },
  FF458: {
    help: 'The target is of a major version that does not know this clause. Choose a newer target or write it otherwise.',
  },
  FF459: {
    help: 'LEAKPROOF and SUPPORT of a function are reserved to superusers and are left out. The function does the same; some plans may be slower.',
  },
  FF460: {
    help: 'Passwords of roles are never read or written. Give each role that logs in one on the target: ALTER ROLE … PASSWORD, or \\password in psql.',
  },
  FF461: {
    help: 'The target does not know this setting, so it is left out. Its version may have another name for it.',
  },
  FF462: {
    help: 'These roles own nothing in the chosen databases and have no privileges of their own there. Create them on the target if their users come along.',
  },
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
  // --- following the changes of the source (FF8xx)
  FF800: {
    help: 'The replication slot does not exist on the source any more, so changes since the last confirmed one are lost. Start the migration again with a new base copy (on the command line by --restart).',
  },
  FF801: {
    help: 'The replication slot is in use by another connection. Stop the other run; after a lost connection the source lets go of it within wal_sender_timeout.',
  },
  FF802: {
    help: 'The source has removed log that the replication slot still needed (max_slot_wal_keep_size or a full disk), so changes are lost. Give it more room, then start again with a new base copy (on the command line by --restart).',
  },
  FF803: {
    help: 'The source has no replication slot or sender left. Raise max_replication_slots and max_wal_senders (takes a restart), or drop slots that nobody uses.',
  },
  FF804: {
    help: 'The source does not write its log for logical decoding. Set wal_level to logical and max_replication_slots above 0, then restart it.',
    azure: '603107',
  },
  FF805: {
    help: 'The source user may not replicate. ALTER ROLE … REPLICATION by an administrator, or connect as a role that has it.',
    azure: '603104',
  },
  FF806: {
    help: 'The replication slot could not be made in time because transactions of the source are still open, prepared ones included. End them or wait, then start again.',
  },
  FF807: {
    help: 'The publication does not exist on the source. Make it again for the same tables; where it was dropped while it was followed, start again with a new base copy (on the command line by --restart).',
  },
  FF808: {
    help: 'The stream of changes cannot be read. Nothing of it was applied: resume; if it happens again, please report it with the log.',
  },
  FF809: {
    help: 'This is not the source that the changes were followed from: another server, one restored from a backup, or a replica that took over without all of them. Connect to the former one, or start again with a new base copy (on the command line by --restart).',
  },
  FF810: {
    help: 'A large transaction of the source is kept on disk until it ends, and that failed. Free space in the temporary folder or choose another one, then resume.',
  },
  FF811: {
    help: 'A prepared transaction was committed on the source that began before the changes were followed. Start again with a new base copy (on the command line by --restart).',
  },
  FF812: {
    help: 'The replication slot was confirmed beyond what the target has, so changes between are lost (a target restored from a backup, or another consumer of the slot). Start again with a new base copy (on the command line by --restart).',
  },
  FF813: {
    help: 'A replication slot of this name exists on the source already. Drop it if nobody uses it, or choose another name.',
  },
  FF814: {
    help: 'Source and target differ in this row, so the changes of its table wait in the target while the others go on. Correct the row on the target and retry, or skip the change.',
  },
  FF815: {
    help: 'The changes of this table wait in the target while the others go on. Remove what the message names and retry, or skip the change.',
  },
  FF816: {
    help: 'The columns of the table changed on the source. Its changes wait in the target: review the DDL, run it on the target, and they are applied by themselves.',
  },
  FF817: {
    help: 'The target does not have the table, or its columns do not fit. Its changes wait in the target: create what is missing, and they are applied by themselves.',
  },
  FF818: {
    help: 'Rows were updated or deleted in a table without replica identity: such changes are not in the stream. Give it a primary key or REPLICA IDENTITY FULL and copy it again (--restart), or leave it out.',
  },
  FF819: {
    help: 'The connection could not be made again in time. Correct the cause and resume: nothing that was applied is repeated, nothing is left out.',
  },
  // --- what an online migration needs, seen before it starts
  FF820: {
    help: 'Raise max_replication_slots on the source (takes a restart), or drop slots that nobody uses: SELECT slot_name, active FROM pg_replication_slots.',
    azure: '603105',
  },
  FF821: {
    help: 'Raise max_wal_senders on the source (takes a restart), at least to max_replication_slots, or end replication connections that nobody needs.',
    azure: '603106',
  },
  FF822: {
    help: 'Publications can only be made on a primary. Connect to the primary of this source.',
  },
  FF823: {
    help: 'To publish tables the source user needs CREATE on the database and must own the tables, itself or as a member of their owner. Grant what the message names, or connect as the owner or a superuser.',
  },
  FF824: {
    help: 'Updates and deletes of a table can be followed only if its rows can be told apart. Give each of the tables a primary key or a replica identity, let Flexferry set REPLICA IDENTITY FULL for the time of the migration (--identity-full), or leave them out.',
  },
  FF825: {
    help: 'Only inserts and TRUNCATE of these tables are followed. Give them a replica identity before the start if rows of them may be updated or deleted.',
  },
  FF826: {
    help: 'The log of the source holds whole old rows of these tables until the migration ends; then their replica identity is put back. The target gets the identity that they had, and is FULL only while there is a way back. Nothing is to be done.',
  },
  FF827: {
    help: 'They are copied once, as they are when the migration starts; later changes are not in the log that is followed. Keep them unchanged until the cutover, or copy them again afterwards.',
  },
  FF828: { help: 'They are brought up to date by the cutover. Nothing is to be done.' },
  FF829: {
    help: 'Changes of definitions (CREATE, ALTER, DROP) are not in the log that is followed. Avoid them until the cutover: a table whose columns change is stopped and waits for the same change on the target, new tables are reported, and with --ddl-trigger (in VS Code flexferry.noticeDdl) all other DDL is told, too.',
  },
  FF830: {
    help: 'Set wal_level = logical on the target, which takes a restart, or do without the way back.',
  },
  FF831: {
    help: 'Raise max_replication_slots and max_wal_senders on the target (takes a restart), drop slots there that nobody uses, or do without the way back.',
  },
  FF832: {
    help: 'The user of the target needs the attribute REPLICATION (ALTER ROLE … REPLICATION, which the admin login of a Flexible Server may do for itself) for the way back.',
  },
  FF833: {
    help: 'For the way back the source user must be able to write: CREATE on the database and INSERT, UPDATE, DELETE and TRUNCATE on the tables. Grant what the message names, or do without the way back.',
  },
  FF834: {
    help: 'PostgreSQL 10 does not publish TRUNCATE. Use DELETE until the cutover, or truncate the table on the target, too.',
  },
  FF835: {
    help: 'The replication slot is made only once all transactions that wrote before have ended, in any database of the server and prepared ones included. End them, or start when they are done.',
  },
  FF836: {
    help: 'Beyond this limit the source gives up the slot, and the migration would have to start again. Raise the limit for the time of the migration if the base copy may take longer than that.',
  },
  FF837: {
    help: 'A publication of this name exists and was not made by this migration. Drop it if nobody uses it: it is not touched.',
  },
  FF838: {
    help: 'A table stayed locked by others (a long transaction, VACUUM, an index being built). Wait for them or end them, then start again: nothing is left half done.',
  },
  FF839: {
    help: 'Foreign keys and triggers of users are kept back until the changes have been applied. Grant SET ON PARAMETER session_replication_role to the user (PostgreSQL 15 and later) to have them from the start.',
  },
  // --- cutover
  FF840: {
    help: 'Correct what the go/no-go list names and cut over again. Forcing the cutover goes on in spite of it.',
  },
  FF841: {
    help: 'The fence takes the owner of the source database or a superuser, and who administers the roles that have a setting of their own there. Connect as such a user, or stop the applications yourself and cut over without a fence.',
  },
  FF842: {
    help: 'The fence is taken away again, so the source can be written to. End the sessions or prepared transactions that the message names, or stop the applications, then cut over again.',
  },
  FF843: {
    help: 'Without a fence the applications have to be stopped before the cutover. Stop what still writes to the source, or let the cutover make the source read-only.',
  },
  FF844: {
    help: 'Changes of the source were still waiting to be applied when the time was over. Wait until the lag is small, then cut over again.',
  },
  FF845: {
    help: 'Something wrote to the source after its last change had been applied: an application that was not stopped, or one that asks for read-write transactions by itself. Stop it, then cut over again.',
  },
  FF846: {
    help: 'Source and target were not equal although all changes had been applied, so the cutover was taken back. See the findings: copy the tables again, or cut over with force if the difference is meant.',
  },
  FF847: {
    help: 'The source is still read-only for new sessions. Run the statements that the message names on the source as its owner.',
  },
  FF848: {
    help: 'The run ended in the middle of a cutover and the source can be written to again, so the cutover was taken back. Cut over again.',
  },
  FF849: {
    help: 'Something that the cutover made stays on the target. Drop it by hand if its changes stop; the next cutover goes on with it as it is.',
  },
  FF850: {
    help: 'The cutover was taken back. Correct on the target or in the saved DDL what the findings name, then cut over again.',
  },
  FF851: {
    help: 'The cutover was taken back. See the findings for the sequences, correct the cause and cut over again.',
  },
  FF852: {
    help: 'The trigger or rule is there but switched off. ALTER TABLE … ENABLE TRIGGER (or RULE) on the target.',
  },
  FF853: {
    help: 'All are handed over together or none, so this one was taken back with it. Correct what the other database names, then cut over again.',
  },
  FF854: {
    help: 'DDL of the source is not repeated on the target. Once it is handed over, drop or rename the table there as well, or leave it as it is.',
  },
  FF855: {
    help: 'What was done to its rows since is missing on the target. Begin anew with a new base copy (on the command line by --restart), and leave the publication alone.',
  },
  FF860: {
    help: 'There is nothing to be cut over, taken back or ended. One that was handed over and verified, or cleaned up, leaves nothing behind it. Else check both connections, also the names of the databases. An online migration begins with clone --online, or with a project whose database is online.',
  },
  FF861: {
    help: 'There is nothing to be cancelled. The same command as before goes on with the migration; cleanup removes what it left on both servers.',
  },
  FF862: {
    help: 'Wait for the run, or cancel it first (on the command line by cancel or by cleanup --cancel).',
  },
  FF863: {
    help: 'Look at the state of the migration (status), and ask again once it is as it should be.',
  },
  FF864: { help: 'Only tables whose changes wait can be retried or skipped. The status names them.' },
  FF865: {
    help: 'The run was asked to end, but is still at work. Stop its process, then clean up again.',
  },
  FF866: {
    help: 'Its replication slot was given up, so it cannot go on. Begin anew with a new base copy (on the command line by --restart), or clean up what it left.',
  },
  FF867: {
    help: 'The source keeps nothing for it any more. Clean up what it left on the target, or begin anew with a new base copy (on the command line by --restart).',
  },
  FF878: {
    help: 'It is copied again as of a later moment by itself. If this goes on, let the table rest for as long as its copy takes, then resume.',
  },
  // --- changes that wait
  FF870: {
    help: 'A row came to the target by a row filter, or by a key that is not in the log, and its large values were not sent because they did not change. The changes of its table wait: give the table REPLICA IDENTITY FULL on the source and start again with a new base copy, or write the row into the target as the source has it now and skip the change.',
  },
  FF871: {
    help: 'A trigger or a rule of the target that acts on replicated changes (ENABLE ALWAYS or REPLICA) kept a row from being written. The changes of its table wait: disable or drop the trigger or rule, and retry, or skip the change.',
  },
  // --- DDL that is noticed
  FF880: {
    help: 'DDL on the source that no change of rows follows (indexes, views, functions, dropped tables) is not noticed; all else goes on. Avoid it until the cutover, or start as a user who may make event triggers, from PostgreSQL 14 on.',
  },
  FF881: {
    help: 'They write name and kind of what DDL made or changed into the log of the source, never its text, and never make it fail. They are removed with the slot; nothing is to be done.',
  },
  // --- what is told while changes are followed
  FF890: {
    help: 'Take it along while changes are followed (add tables: it is created and copied, then followed), or exclude it in the project.',
  },
  FF891: {
    help: 'The source was written to behind the position where this ended, so these rows could not be compared as of that position. Compare them once the source is still.',
  },
  FF892: {
    help: 'The position is not one of the log of the source. Give it as pg_current_wal_lsn() writes it, e.g. 16/B374D848, or current.',
  },
  FF898: {
    help: 'The target is consistent and was compared with the source, but holds more than was asked for. Where that is no harm, clean up; to end at a later position, call it again with that one or with current. An older state cannot be had from here: restore the source as of then and migrate that.',
  },
  FF899: {
    help: 'Let the target take changes again: end the session that holds a lock there, or bring the server back. Meanwhile raise max_slot_wal_keep_size on the source (a reload is enough). Following goes on by itself from what the target has; if the slot is lost before, a new base copy is needed.',
  },
  // --- the way back
  FF893: {
    help: 'One direction at a time: the way back has no way back of its own, and the source keeps one migration of this target only. Cut over without a way back, or remove first what another migration left (cleanup).',
  },
  FF894: {
    help: 'The target belongs to the applications all the same, only the way back is missing. Nothing is to be done unless it is needed: then stop the applications and go back by hand.',
  },
  FF895: {
    help: 'On the way back they would act on changes on which they have acted on the target already. Let the source user set session_replication_role (as a superuser, or by GRANT SET ON PARAMETER from PostgreSQL 15 on); set triggers and rules that are ENABLE ALWAYS or REPLICA to plain ENABLE; or do without the way back.',
  },
  FF896: {
    help: 'Beginning anew would remove from the target what applications use now. Go on with the same command without --restart, finish the way back, or clean up.',
  },
  FF897: {
    help: 'It stays on the target when applications go back. Nothing is to be done if they stay there; else create it on the source and bring its rows over.',
  },
  FF900: { help: 'An internal error. Please report it with the log.' },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof errorCodes;
