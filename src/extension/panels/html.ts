import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** Text for an attribute or element of HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/**
 * The document of a script webview: nothing may be loaded but our own bundle. The toolkit takes its nonce from the
 * meta element, for an empty style element by which it tells whether the browser knows :focus-visible. Strings of the user's language and the
 * state to be kept go in as data attributes, which are text to the page.
 */
export function scriptDocument(
  webview: vscode.Webview,
  dist: vscode.Uri,
  bundle: string,
  title: string,
  data: Readonly<Record<string, string>>,
): string {
  const nonce = randomBytes(16).toString('base64');
  const script = webview.asWebviewUri(vscode.Uri.joinPath(dist, 'webview', `${bundle}.js`));
  const style = webview.asWebviewUri(vscode.Uri.joinPath(dist, 'webview', `${bundle}.css`));
  const source = webview.cspSource;
  const csp = `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source} 'nonce-${nonce}'; font-src ${source}`;
  const attributes = Object.entries(data).map(([key, value]) => `data-${key}="${escaped(value)}"`);
  return `<!DOCTYPE html>
<html lang="${escaped(vscode.env.language)}">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>${escaped(title)}</title>
</head>
<body ${attributes.join(' ')}>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}

/** A self-contained document without scripts, shut in: it may style itself and show its own pictures, nothing else. */
export function staticDocument(html: string): string {
  const csp = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`;
  return /<head[^>]*>/i.test(html)
    ? html.replace(/<head[^>]*>/i, (head) => `${head}${csp}`)
    : `${csp}${html}`;
}
