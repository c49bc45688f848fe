import { resolve } from 'node:path';

/** The bundles that `npm test` builds first, or those of another build. */
export const distDir = process.env['FLEXFERRY_DIST'] ?? resolve(__dirname, '../../dist');
