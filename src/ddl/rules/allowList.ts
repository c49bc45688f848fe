/**
 * Extensions of a Flexible Server by major version, as Microsoft's documentation had them on {@link allowListDate}. Only
 * a fall-back where the target itself was not asked:
 * https://learn.microsoft.com/azure/postgresql/extensions/concepts-extensions-versions
 */
export const allowListDate = '2026-06-08';

interface Offer {
  readonly name: string;
  /** Majors, both included. */
  readonly from: number;
  readonly to: number;
  /** Its library must be named in shared_preload_libraries. */
  readonly preload: boolean;
}

const newest = 18;

/** `*` behind a name: needs its library preloaded. */
function offers(from: number, to: number, names: string): Offer[] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name: name.replace('*', ''), from, to, preload: name.endsWith('*') }));
}

export const offeredExtensions: ReadonlyMap<string, Offer> = new Map(
  [
    ...offers(
      11,
      newest,
      `address_standardizer address_standardizer_data_us amcheck anon* auto_explain* bloom btree_gin btree_gist citext
       cube dblink dict_int dict_xsyn earthdistance fuzzystrmatch hstore hypopg intagg intarray isn lo login_hook ltree
       orafce pageinspect pgaudit* pg_buffercache pg_cron* pgcrypto pg_freespacemap pg_hint_plan* pglogical* pg_partman*
       pg_prewarm* pg_repack pgrouting pgrowlocks pg_squeeze* pg_stat_statements* pgstattuple pg_trgm pg_visibility
       plpgsql plv8 postgis postgis_raster postgis_sfcgal postgis_tiger_geocoder postgis_topology postgres_fdw semver
       session_variable sslinfo tablefunc tds_fdw timescaledb* tsm_system_rows tsm_system_time unaccent uuid-ossp vector
       wal2json*`,
    ),
    ...offers(12, newest, 'azure_ai azure_storage* hll oracle_fdw postgres_protobuf tdigest'),
    ...offers(13, newest, 'age* credcheck* ip4r pg_ivm* temporal_tables topn'),
    ...offers(14, newest, 'pg_diskann pg_duckdb*'),
    ...offers(11, 16, 'pg_failover_slots*'),
  ].map((offer) => [offer.name, offer]),
);

/** The library of an extension where it is not called as the extension is. */
const libraries: Readonly<Record<string, string>> = { pg_partman: 'pg_partman_bgw' };

/** What shared_preload_libraries must name for this extension, or undefined. */
export function preloadLibrary(extension: string): string | undefined {
  return offeredExtensions.get(extension)?.preload === true ? (libraries[extension] ?? extension) : undefined;
}

/** Does the documentation know it for other versions than this major? */
export function offeredOnlyElsewhere(extension: string, major: number): string | undefined {
  const offer = offeredExtensions.get(extension);
  if (offer === undefined || (major >= offer.from && major <= offer.to)) return undefined;
  return offer.from === offer.to ? `${offer.from}` : `${offer.from} to ${offer.to}`;
}

/** The versions that a Flexible Server has where sources often have others. */
export function offeredVersion(extension: string, major: number): string | undefined {
  const versions = notableVersions[extension]?.find(([from, to]) => major >= from && major <= to);
  return versions?.[2];
}
const notableVersions: Readonly<Record<string, readonly (readonly [number, number, string])[]>> = {
  postgis: [
    [14, newest, '3.6.1'],
    [13, 13, '3.5.2'],
    [11, 12, '3.2.3'],
  ],
  pg_partman: [
    [16, newest, '5.3.1'],
    [15, 15, '4.7.1'],
    [14, 14, '4.6.1'],
    [11, 13, '4.5.0'],
  ],
  timescaledb: [
    [15, newest, '2.24.0'],
    [13, 14, '2.15.3'],
  ],
  vector: [[13, newest, '0.8.2']],
};

/** The extension that brings a foreign-data wrapper. */
export const extensionOfWrapper: Readonly<Record<string, string>> = {
  dblink_fdw: 'dblink',
  file_fdw: 'file_fdw',
  mysql_fdw: 'mysql_fdw',
  oracle_fdw: 'oracle_fdw',
  postgres_fdw: 'postgres_fdw',
  tds_fdw: 'tds_fdw',
  mongo_fdw: 'mongo_fdw',
  redis_fdw: 'redis_fdw',
  sqlite_fdw: 'sqlite_fdw',
  multicorn: 'multicorn',
  parquet_fdw: 'parquet_fdw',
  clickhouse_fdw: 'clickhouse_fdw',
  log_fdw: 'log_fdw',
};
