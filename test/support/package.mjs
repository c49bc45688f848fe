/**
 * `npm run package`: a production build and the .vsix of it. Fails where the file is over its bound.
 * `node test/support/package.mjs [--out FILE]`
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDependencies, root } from './prepare.mjs';

/** What a download should never be larger than, in megabytes of 1,000,000 bytes. */
export const vsixLimit = 12;

/**
 * @param {string} [file] default: flexferry-<version>.vsix in the project's folder
 * @returns {Promise<{ path: string, megabytes: number }>}
 */
export async function packageExtension(file) {
  await installDependencies();
  const built = spawnSync(process.execPath, ['esbuild.mjs', '--production'], { cwd: root, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the production build failed:\n${built.stdout}${built.stderr}`);
  const { createVSIX } = await import('@vscode/vsce');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const path = file ?? join(root, `flexferry-${version}.vsix`);
  await createVSIX({
    cwd: root,
    packagePath: path,
    // Everything is bundled; vsce would otherwise run npm to find the dependencies.
    dependencies: false,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
  });
  if (!existsSync(path)) throw new Error('vsce wrote no file');
  const megabytes = statSync(path).size / 1e6;
  if (megabytes > vsixLimit)
    throw new Error(`${path} has ${megabytes.toFixed(1)} MB, more than ${vsixLimit} MB`);
  return { path, megabytes };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const index = process.argv.indexOf('--out');
  packageExtension(index > 0 ? resolve(process.argv[index + 1]) : undefined).then(
    ({ path, megabytes }) => console.log(`packaged ${path}, ${megabytes.toFixed(1)} MB`),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
