import * as vscode from 'vscode';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import type { ObjectNode } from '../../protocol/engine.js';
import { commands, settings, views } from '../contributions.js';
import type { BrowsingEngine } from '../engine/browsingEngine.js';
import { toFault } from '../faults.js';
import { groupParts, type ServerRecord } from '../servers/serverRecord.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import { type Page, PagedChildren } from './pagedChildren.js';
import {
  type BranchNode,
  nodeId,
  type ServerNode,
  type ServersNode,
  type TailNode,
  toTreeItem,
} from './serverNodes.js';
import { ServersDrag } from './serversDrag.js';

/** The Servers view: groups → servers → databases → schemas → objects, a level and a page at a time. */
export class ServersView implements vscode.TreeDataProvider<ServersNode>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<ServersNode | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #children = new PagedChildren<ObjectNode>((id) => this.#fire(id), toFault);
  /** Branches by id, so that a finished page can refresh just its node. */
  readonly #branches = new Map<string, BranchNode>();
  readonly #tree: vscode.TreeView<ServersNode>;

  constructor(
    private readonly registry: ServerRegistry,
    private readonly engine: BrowsingEngine,
  ) {
    this.#tree = vscode.window.createTreeView(views.servers, {
      treeDataProvider: this,
      dragAndDropController: new ServersDrag(registry),
      showCollapseAll: true,
    });
    registry.onDidChange((id) => {
      if (id === undefined) return this.#changed.fire(undefined);
      this.#children.forget(`server/${id}`);
    });
  }

  register(): vscode.Disposable[] {
    const on = (command: string, run: (node: ServersNode) => unknown) =>
      vscode.commands.registerCommand(command, (node: ServersNode | undefined) =>
        node ? run(node) : undefined,
      );
    return [
      this,
      vscode.commands.registerCommand(commands.refreshServers, () => this.refresh()),
      on(commands.refreshNode, (node) => this.#refreshNode(node)),
      on(commands.retryNode, (node) => this.#more(node)),
      on(commands.loadMore, (node) => this.#more(node)),
      on(commands.cancelLoading, (node) => {
        if (isTail(node)) this.#children.cancel(nodeId(node.parent));
      }),
      on(commands.copyName, (node) => vscode.env.clipboard.writeText(nameOf(node))),
    ];
  }

  refresh(): void {
    this.#children.forgetAll();
    this.#changed.fire(undefined);
  }

  /** The server a command was called on: a node of the view, or the id of a server. */
  recordOf(node: unknown): ServerRecord | undefined {
    if (typeof node === 'string') return this.registry.get(node);
    if (typeof node !== 'object' || node === null) return undefined;
    if ('record' in node) return this.registry.get((node as ServerNode).record.id);
    if ('parent' in node) return this.recordOf(node.parent);
    return undefined;
  }

  async reveal(id: string): Promise<void> {
    const record = this.registry.get(id);
    if (record) await this.#tree.reveal({ kind: 'server', record }, { select: true, focus: true });
  }

  getTreeItem(node: ServersNode): vscode.TreeItem {
    return toTreeItem(node);
  }

  resolveTreeItem(item: vscode.TreeItem, node: ServersNode): vscode.TreeItem {
    if (node.kind === 'server') item.tooltip = `${node.record.name}\n${node.record.connection}`;
    if (node.kind === 'object') item.tooltip = node.object.tooltip ?? nameOf(node);
    return item;
  }

  getParent(node: ServersNode): ServersNode | undefined {
    if (node.kind === 'server') return groupNode(groupParts(node.record.group));
    if (node.kind === 'group') return groupNode(node.parts.slice(0, -1));
    return node.parent;
  }

  async getChildren(node?: ServersNode): Promise<ServersNode[]> {
    if (node === undefined) return this.#groupChildren([]);
    if (node.kind === 'group') return this.#groupChildren(node.parts);
    if (isTail(node)) return [];
    return this.#branchChildren(node);
  }

  dispose(): void {
    this.#children.forgetAll();
    this.#tree.dispose();
  }

  #groupChildren(parts: readonly string[]): ServersNode[] {
    const groups = new Set<string>();
    const servers: ServersNode[] = [];
    for (const record of this.registry.list()) {
      const at = groupParts(record.group);
      if (!parts.every((part, index) => at[index] === part)) continue;
      const next = at[parts.length];
      if (next === undefined) servers.push({ kind: 'server', record });
      else groups.add(next);
    }
    const folders = [...groups]
      .sort()
      .map((name): ServersNode => ({ kind: 'group', parts: [...parts, name] }));
    return [...folders, ...servers];
  }

  async #branchChildren(node: BranchNode): Promise<ServersNode[]> {
    const id = nodeId(node);
    this.#branches.set(id, node);
    const { items, tail, fault } = await this.#children.view(id, this.#loader(node));
    const children: ServersNode[] = items.map((object) => ({
      kind: 'object',
      record: node.record,
      object,
      parent: node,
    }));
    if (tail) children.push({ kind: tail, parent: node, ...(fault && { fault }) });
    return children;
  }

  #loader(node: BranchNode) {
    return async (after: string | undefined, signal: AbortSignal): Promise<Page<ObjectNode>> => {
      const record = this.registry.get(node.record.id) ?? node.record;
      const limit = vscode.workspace.getConfiguration().get<number>(settings.pageSize, 200);
      const cancellation = new CancellationTokenSource();
      signal.addEventListener('abort', () => cancellation.cancel(), { once: true });
      const page = await this.engine.children(
        {
          connection: await this.registry.input(record),
          path: node.kind === 'server' ? [] : node.object.path,
          limit,
          ...(after !== undefined && { after }),
        },
        cancellation.token,
      );
      return { items: page.nodes, ...(page.next !== undefined && { next: page.next }) };
    };
  }

  #more(node: ServersNode): void {
    if (isTail(node)) this.#children.more(nodeId(node.parent), this.#loader(node.parent));
  }

  #refreshNode(node: ServersNode): void {
    this.#children.forget(nodeId(node));
    this.#changed.fire(node);
  }

  #fire(id: string): void {
    const node = this.#branches.get(id);
    if (node) this.#changed.fire(node);
  }
}

function isTail(node: ServersNode): node is TailNode {
  return node.kind !== 'group' && node.kind !== 'server' && node.kind !== 'object';
}

function groupNode(parts: readonly string[]): ServersNode | undefined {
  return parts.length === 0 ? undefined : { kind: 'group', parts };
}

function nameOf(node: ServersNode): string {
  if (node.kind === 'server') return node.record.name;
  if (node.kind === 'object') return node.object.name;
  return '';
}
