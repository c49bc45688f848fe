/** A bundle of its own, which is loaded when the language server starts: it is larger than all the rest. */
export { LanguageClient, State, TransportKind } from 'vscode-languageclient/node';
