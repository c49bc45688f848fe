import * as vscode from 'vscode';
import { attentionCount, followedDatabases } from '../../protocol/followView.js';
import { commands, settings, views } from '../contributions.js';
import type { Migration } from '../migrations/migration.js';
import type { Migrations } from '../migrations/migrations.js';
import {
  type MigrationsNode,
  migrationItem,
  migrationNodeId,
  type PhaseNode,
  projectTooltip,
  stoppedTables,
  tablePhases,
} from './migrationNodes.js';

/** Redraws of a running project, at most one in this many milliseconds: the tree is not the place for a rate meter. */
const redrawMs = 1000;

/** The Migrations view: projects → databases → phases → tables. */
export class MigrationsView implements vscode.TreeDataProvider<MigrationsNode>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<MigrationsNode | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  /** Nodes keep their identity, so that firing one redraws it. */
  readonly #nodes = new Map<string, MigrationsNode>();
  /** How many tables of a phase are shown. */
  readonly #shown = new Map<string, number>();
  readonly #redraws = new Map<Migration, NodeJS.Timeout>();
  readonly #lastState = new WeakMap<Migration, string>();
  readonly #tree: vscode.TreeView<MigrationsNode>;
  #discovery: Promise<void> | undefined;

  constructor(private readonly migrations: Migrations) {
    this.#tree = vscode.window.createTreeView(views.migrations, {
      treeDataProvider: this,
      showCollapseAll: true,
    });
    migrations.onDidChange((migration) => {
      if (migration) this.#redraw(migration);
      else this.#changed.fire(undefined);
    });
  }

  register(): vscode.Disposable[] {
    return [
      this,
      vscode.commands.registerCommand(commands.refreshMigrations, () => this.migrations.discover()),
      vscode.commands.registerCommand(commands.loadMoreTables, (node: MigrationsNode | undefined) => {
        if (node?.kind !== 'more') return;
        const id = migrationNodeId(node.parent);
        this.#shown.set(id, (this.#shown.get(id) ?? pageSize()) + pageSize());
        this.#changed.fire(this.#keep(node.parent));
      }),
    ];
  }

  getTreeItem(node: MigrationsNode): vscode.TreeItem {
    return migrationItem(node);
  }

  resolveTreeItem(item: vscode.TreeItem, node: MigrationsNode): vscode.TreeItem {
    if (node.kind === 'project') item.tooltip = projectTooltip(node.migration);
    return item;
  }

  getParent(node: MigrationsNode): MigrationsNode | undefined {
    if (node.kind === 'project') return undefined;
    if (node.kind === 'database') return this.#keep({ kind: 'project', migration: node.migration });
    if (node.kind === 'phase')
      return this.#keep({ kind: 'database', migration: node.migration, source: node.source });
    return node.parent;
  }

  async getChildren(node?: MigrationsNode): Promise<MigrationsNode[]> {
    if (!node) {
      // Looked for when the view is first shown: activation itself touches no file.
      this.#discovery ??= this.migrations.discover();
      await this.#discovery;
      return this.migrations.list().map((migration) => this.#keep({ kind: 'project', migration }));
    }
    if (node.kind === 'project') {
      const { migration } = node;
      return (migration.snapshot?.databases ?? []).map(({ source }) =>
        this.#keep({ kind: 'database', migration, source }),
      );
    }
    if (node.kind === 'database') {
      const { migration, source } = node;
      const database = migration.snapshot?.databases.find((other) => other.source === source);
      return (database?.phases ?? []).map(({ phase }) =>
        this.#keep({ kind: 'phase', migration, source, phase }),
      );
    }
    if (node.kind === 'phase' && node.phase === 'follow') {
      const { migration, source } = node;
      return stoppedTables(node).map((table) => ({
        kind: 'stopped',
        parent: node,
        migration,
        source,
        schema: table.schema,
        name: table.name,
        table,
      }));
    }
    return node.kind === 'phase' && tablePhases.includes(node.phase) ? this.#tables(node) : [];
  }

  async #open(migration: Migration): Promise<void> {
    const node = this.#keep({ kind: 'project', migration });
    // VS Code refuses to reveal a node that is being refreshed; the user can still open it.
    await this.#tree
      .reveal(node, { select: false, focus: false, expand: 2 })
      .then(undefined, () => undefined);
  }

  dispose(): void {
    for (const timer of this.#redraws.values()) clearTimeout(timer);
    this.#tree.dispose();
  }

  async #tables(node: PhaseNode): Promise<MigrationsNode[]> {
    const limit = this.#shown.get(migrationNodeId(node)) ?? pageSize();
    const { total, tables } = await node.migration.tables({ database: node.source, offset: 0, limit });
    const children: MigrationsNode[] = tables.map((table) => ({ kind: 'table', parent: node, table }));
    if (total > tables.length) children.push({ kind: 'more', parent: node, left: total - tables.length });
    return children;
  }

  #keep<Node extends MigrationsNode>(node: Node): Node {
    const id = migrationNodeId(node);
    const known = this.#nodes.get(id);
    if (known && 'migration' in known && 'migration' in node && known.migration === node.migration)
      return known as Node;
    this.#nodes.set(id, node);
    return node;
  }

  /** Tables of followed databases that wait for the user. */
  #showBadge(): void {
    const value = this.migrations
      .running()
      .flatMap(({ snapshot }) => followedDatabases(snapshot))
      .reduce((sum, { follow }) => sum + attentionCount(follow), 0);
    if (this.#tree.badge?.value === value || (value === 0 && !this.#tree.badge)) return;
    this.#tree.badge =
      value === 0 ? undefined : { value, tooltip: vscode.l10n.t('{0} tables need attention', value) };
  }

  #redraw(migration: Migration): void {
    const fire = () => {
      this.#redraws.delete(migration);
      this.#showBadge();
      this.#changed.fire(this.#keep({ kind: 'project', migration }));
    };
    const state = `${migration.running} ${migration.snapshot?.state}`;
    if (this.#lastState.get(migration) !== state) {
      clearTimeout(this.#redraws.get(migration));
      this.#lastState.set(migration, state);
      fire();
      // A run that has just begun to know its databases opens itself.
      if (migration.running && migration.snapshot && this.#tree.visible) void this.#open(migration);
    } else if (!this.#redraws.has(migration)) this.#redraws.set(migration, setTimeout(fire, redrawMs));
  }
}

function pageSize(): number {
  return vscode.workspace.getConfiguration().get<number>(settings.pageSize, 200);
}
