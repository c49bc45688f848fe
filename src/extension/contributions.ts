/**
 * Every id the extension contributes, declared once. package.json is tested against these, in both directions.
 * No import of `vscode`, so that the test can load this file in plain Node.
 */

/** Commands; the ones of tree nodes take the node, most others take nothing. */
export const commands = {
  addServer: 'flexferry.addServer',
  editServer: 'flexferry.editServer',
  duplicateServer: 'flexferry.duplicateServer',
  removeServer: 'flexferry.removeServer',
  testServer: 'flexferry.testServer',
  setServerRole: 'flexferry.setServerRole',
  moveServer: 'flexferry.moveServer',
  enterPassword: 'flexferry.enterPassword',
  refreshServers: 'flexferry.refreshServers',
  refreshNode: 'flexferry.refreshNode',
  retryNode: 'flexferry.retryNode',
  cancelLoading: 'flexferry.cancelLoading',
  loadMore: 'flexferry.loadMore',
  copyName: 'flexferry.copyName',
  copyConnection: 'flexferry.copyConnection',
  migrate: 'flexferry.migrate',
  startMigration: 'flexferry.startMigration',
  resumeMigration: 'flexferry.resumeMigration',
  restartMigration: 'flexferry.restartMigration',
  stopMigration: 'flexferry.stopMigration',
  openDashboard: 'flexferry.openDashboard',
  openReport: 'flexferry.openReport',
  openDdl: 'flexferry.openDdl',
  generateDdl: 'flexferry.generateDdl',
  diffSource: 'flexferry.diffSource',
  diffTarget: 'flexferry.diffTarget',
  skipStatement: 'flexferry.skipStatement',
  unskipStatement: 'flexferry.unskipStatement',
  runStatement: 'flexferry.runStatement',
  runSelection: 'flexferry.runSelection',
  showSourceStatement: 'flexferry.showSourceStatement',
  showStatementState: 'flexferry.showStatementState',
  mapOwner: 'flexferry.mapOwner',
  allowExtension: 'flexferry.allowExtension',
  continueMigration: 'flexferry.continueMigration',
  checkSqlFile: 'flexferry.checkSqlFile',
  restartLanguageServer: 'flexferry.restartLanguageServer',
  showLanguageServerLog: 'flexferry.showLanguageServerLog',
  revealProject: 'flexferry.revealProject',
  removeMigration: 'flexferry.removeMigration',
  refreshMigrations: 'flexferry.refreshMigrations',
  loadMoreTables: 'flexferry.loadMoreTables',
  cutOver: 'flexferry.cutOver',
  confirmHandOver: 'flexferry.confirmHandOver',
  undoCutover: 'flexferry.undoCutover',
  goBack: 'flexferry.goBack',
  finishWayBack: 'flexferry.finishWayBack',
  cleanUpFollow: 'flexferry.cleanUpFollow',
  retryTable: 'flexferry.retryTable',
  skipChange: 'flexferry.skipChange',
  reviewTableDdl: 'flexferry.reviewTableDdl',
  addTables: 'flexferry.addTables',
  ddlDone: 'flexferry.ddlDone',
  openMapping: 'flexferry.openMapping',
  openMappingAsText: 'flexferry.openMappingAsText',
  showLog: 'flexferry.showLog',
} as const;

export const views = {
  container: 'flexferry',
  servers: 'flexferry.servers',
  migrations: 'flexferry.migrations',
} as const;

/** Webview panel types; the dashboard is restored after a reload by its serializer. */
export const panels = {
  dashboard: 'flexferry.dashboard',
  report: 'flexferry.report',
} as const;

/** Custom editor types. */
export const editors = {
  mapping: 'flexferry.mapping',
} as const;

export const settings = {
  jobs: 'flexferry.jobs',
  indexJobs: 'flexferry.indexJobs',
  dumpTool: 'flexferry.dumpTool',
  pageSize: 'flexferry.pageSize',
  /** Consent to event triggers on the source of an online migration. */
  noticeDdl: 'flexferry.noticeDdl',
  /** These two are read by the language server. */
  codeLens: 'flexferry.codeLens',
  maxProblems: 'flexferry.maxProblems',
} as const;

/** Context keys set by the extension and used in `when` clauses. */
export const contextKeys = {
  /** True while at least one migration runs in this window. */
  running: 'flexferry.running',
  /** True while at least one migration follows its source. */
  following: 'flexferry.following',
  /** True where the editor in front holds SQL for a table that is stopped while it is followed. */
  tableDdl: 'flexferry.tableDdl',
  /** State of the project of the generated SQL file in the active editor: `new`, `running`, `resumable` or `done`. */
  ddlState: 'flexferry.ddlState',
} as const;

export const walkthrough = 'flexferry.start';

/** Environment variable that names the servers of the demo; see servers/demoServers.ts. */
export const demoServersVariable = 'FLEXFERRY_DEMO_SERVERS';
