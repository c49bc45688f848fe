/**
 * The import rules of the layers: who may see whom. Each rule is tested to match real files and to catch a planted
 * violation (test/architecture/importRules.test.ts).
 *
 * base ← protocol ← ddl ← engine/errors ← engine/postgres ← engine/catalog ← engine/run ← engine/<phase>
 *      ← engine/*.ts, engine/online (migration, main) ← cli
 * extension and webview see base and protocol, languageServer those and ddl.
 */
const layers = [
  ['base', '^src/base/'],
  ['protocol', '^src/protocol/'],
  ['ddl', '^src/ddl/'],
  ['errors', '^src/engine/errors/'],
  ['postgres', '^src/engine/postgres/'],
  ['catalog', '^src/engine/catalog/'],
  ['run', '^src/engine/run/'],
  [
    'phase',
    '^src/engine/(assessment|azure|copy|cutover|dump|globals|project|replication|report|schema|verification)/',
  ],
  ['engine', '^src/engine/([^/]+\\.ts$|online/)'],
  ['cli', '^src/cli/'],
];
const phase = layers.find(([name]) => name === 'phase')[1];
/** What stands beside the engine and is never imported from elsewhere. */
const surfaces = '^(src/(extension|languageServer)|webview)/';

/** No layer imports one above it, nor a surface. */
const upward = layers.map(([name, path], index) => ({
  name: `${name}-imports-upward`,
  comment: 'A layer imports only what stands below it (see the top of this file).',
  severity: 'error',
  from: { path },
  to: { path: [...layers.slice(index + 1).map(([, above]) => above), surfaces].join('|') },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'phase-imports-phase',
      comment: 'Phases do not know each other: what two need stands in engine/run, engine/catalog or below.',
      severity: 'error',
      from: { path: phase },
      to: { path: phase, pathNot: '^src/engine/$1/' },
    },
    {
      name: 'extension-imports-engine',
      comment:
        'The extension starts the engine as a process by its bundle and talks to it through the protocol.',
      severity: 'error',
      from: { path: '^src/extension/' },
      to: { path: '^(src/(ddl|engine|cli|languageServer)|webview)/' },
    },
    {
      name: 'webview-imports-host',
      comment: 'A webview runs in a browser and sees plain data only.',
      severity: 'error',
      from: { path: '^webview/' },
      to: { path: '^src/(ddl|engine|cli|languageServer|extension)/' },
    },
    {
      name: 'only-extension-imports-vscode',
      comment: 'The engine, the command line and the language server run without VS Code.',
      severity: 'error',
      from: { path: '^(src|webview)/', pathNot: '^src/extension/' },
      to: { path: '^(vscode$|node_modules/@types/vscode/)' },
    },
    {
      name: 'only-postgres-imports-pg',
      comment: 'One place wraps the driver, its errors and its values.',
      severity: 'error',
      from: { path: '^(src|webview)/', pathNot: '^src/engine/postgres/' },
      to: { path: '^node_modules/(@types/)?(pg|pg-[^/]+)/' },
    },
    {
      name: 'only-ddl-imports-parser',
      comment: 'One place knows the shape of the parser.',
      severity: 'error',
      from: { path: '^(src|webview)/', pathNot: '^src/ddl/' },
      to: { path: '^node_modules/libpg-query/' },
    },
    {
      name: 'product-imports-tests',
      comment: 'The product does not know its tests.',
      severity: 'error',
      from: { path: '^(src|webview)/' },
      to: { path: '^test/|^node_modules/(mocha|playwright-core|tsx|selfsigned)/' },
    },
    {
      name: 'circular',
      comment: 'Two files that import each other are one file, or one of them is in the wrong place.',
      severity: 'error',
      from: { path: '^(src|webview)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'unresolvable',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: { path: '^(src|webview)/' },
      to: { couldNotResolve: true, pathNot: '^(vscode|\\./pgDumpFactory\\.mjs)$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
