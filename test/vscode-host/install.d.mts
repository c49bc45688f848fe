export function hostPaths(release: 'newest' | 'oldest'): {
  vscode: string;
  serverMain: string;
  frontEnd: string;
  node: string;
};
export function browserPaths(): { executablePath: string; env: Record<string, string> };
export function installHost(release: 'newest' | 'oldest', log?: (line: string) => void): Promise<boolean>;
export function installBrowser(log?: (line: string) => void): Promise<boolean>;
export function installParts(parts: readonly string[], log?: (line: string) => void): Promise<void>;
