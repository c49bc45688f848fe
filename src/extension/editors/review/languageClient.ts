/** A bundle of its own, which is loaded when the language server starts: it is larger than all the rest. */
export { ErrorAction, LanguageClient, State, TransportKind } from 'vscode-languageclient/node';
