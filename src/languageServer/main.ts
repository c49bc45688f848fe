/** Language server of the generated SQL files: a thin shell over src/ddl. Talks IPC or stdio, as it was started. */
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './server.js';

const connection = createConnection(ProposedFeatures.all);
// One request that fails must not end the others.
process.on('uncaughtException', (error) => connection.console.error(String(error.stack)));
process.on('unhandledRejection', (error) => connection.console.error(String(error)));
serve(connection);
