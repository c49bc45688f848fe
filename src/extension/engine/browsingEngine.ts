import type * as vscode from 'vscode';
import type { CancellationToken } from 'vscode-jsonrpc/node';
import type { ServerFacts } from '../../protocol/connection.js';
import {
  type ChildrenParams,
  type ConnectionInput,
  checkProject,
  cleanUpFollow,
  type DatabaseSummary,
  type FollowPair,
  listChildren,
  listDatabases,
  type MappingCatalog,
  mappingCatalog,
  mappingTarget,
  type ObjectNode,
  type RowFilterParams,
  requestFollow,
  resolveConnection,
  testConnection,
  tryRowFilter,
} from '../../protocol/engine.js';
import type { FollowRequest } from '../../protocol/follow.js';
import { EngineProcess } from './engineProcess.js';

type Resolved = Awaited<ReturnType<BrowsingEngine['resolve']>>;

export type { Resolved as ResolvedConnection };

/** The engine process that reads servers, and speaks to runs by way of them: started by the first question, started again after a crash. */
export class BrowsingEngine implements vscode.Disposable {
  readonly #process: EngineProcess;

  constructor(script: string, log: vscode.LogOutputChannel) {
    this.#process = new EngineProcess(script, log, 'browsing');
  }

  resolve(input: ConnectionInput) {
    return this.#process.request(resolveConnection, input);
  }

  test(input: ConnectionInput, token?: CancellationToken): Promise<ServerFacts> {
    return this.#process.request(testConnection, input, token);
  }

  children(
    params: ChildrenParams,
    token?: CancellationToken,
  ): Promise<{ nodes: ObjectNode[]; next?: string }> {
    return this.#process.request(listChildren, params, token);
  }

  databases(input: ConnectionInput, token?: CancellationToken): Promise<DatabaseSummary[]> {
    return this.#process.request(listDatabases, input, token);
  }

  checkProject(text: string, token?: CancellationToken) {
    return this.#process.request(checkProject, { text }, token);
  }

  mappingCatalog(input: ConnectionInput, token?: CancellationToken): Promise<MappingCatalog> {
    return this.#process.request(mappingCatalog, input, token);
  }

  mappingTarget(input: ConnectionInput, token?: CancellationToken) {
    return this.#process.request(mappingTarget, input, token);
  }

  tryRowFilter(params: RowFilterParams, token?: CancellationToken) {
    return this.#process.request(tryRowFilter, params, token);
  }

  async requestFollow(pair: FollowPair, request: FollowRequest): Promise<void> {
    await this.#process.request(requestFollow, { ...pair, request });
  }

  cleanUpFollow(pair: FollowPair): Promise<{ readonly removed: readonly string[] }> {
    return this.#process.request(cleanUpFollow, { ...pair, cancel: true });
  }

  dispose(): void {
    this.#process.dispose();
  }
}
