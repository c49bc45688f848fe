import * as vscode from 'vscode';
import { views } from '../contributions.js';
import type { ServerRegistry } from '../servers/serverRegistry.js';
import type { ServersNode } from './serverNodes.js';

const mime = `application/vnd.code.tree.${views.servers.toLowerCase()}`;

/** A name as SQL takes it: quoted where it must be. Reserved words are not known here, so they stay bare. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function sqlPath(node: ServersNode): string | undefined {
  if (node.kind !== 'object' || node.object.kind === 'folder') return undefined;
  const own = node.object.kind === 'function' ? node.object.name : sqlName(node.object.name);
  for (let at: ServersNode = node.parent; at.kind === 'object'; at = at.parent)
    if (at.object.kind === 'schema' && node.object.kind !== 'column')
      return `${sqlName(at.object.name)}.${own}`;
  return own;
}

/** Drags names of objects into editors, and servers into groups. */
export class ServersDrag implements vscode.TreeDragAndDropController<ServersNode> {
  readonly dragMimeTypes = ['text/plain'];
  readonly dropMimeTypes = [mime];

  constructor(private readonly registry: ServerRegistry) {}

  handleDrag(nodes: readonly ServersNode[], data: vscode.DataTransfer): void {
    const names = nodes.map(sqlPath).filter((name) => name !== undefined);
    if (names.length > 0) data.set('text/plain', new vscode.DataTransferItem(names.join(', ')));
    const servers = nodes.filter((node) => node.kind === 'server').map((node) => node.record.id);
    if (servers.length > 0) data.set(mime, new vscode.DataTransferItem(servers));
  }

  async handleDrop(target: ServersNode | undefined, data: vscode.DataTransfer): Promise<void> {
    const ids: unknown = data.get(mime)?.value;
    if (!Array.isArray(ids)) return;
    const group =
      target?.kind === 'group'
        ? target.parts.join('/')
        : target?.kind === 'server'
          ? target.record.group
          : undefined;
    for (const id of ids) {
      const record = typeof id === 'string' ? this.registry.get(id) : undefined;
      if (!record) continue;
      const { group: _, ...rest } = record;
      await this.registry.update(group === undefined ? rest : { ...rest, group });
    }
  }
}
