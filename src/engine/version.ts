import { version } from '../../package.json';

/** Version of this Flexferry, as the manifest has it. */
export const flexferryVersion: string = version;
