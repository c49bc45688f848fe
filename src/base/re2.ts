import type { RE2JS } from 're2js';

/** As the bundler knows it, also where there is no Node. */
declare const require: (id: 're2js') => typeof import('re2js');

/**
 * Regular expressions in linear time. Loaded with the first one: at the activation of the extension it would take as
 * long as most of the rest.
 */
export const re2 = (): typeof RE2JS => require('re2js').RE2JS;
