const bundle: Readonly<Record<string, string | { message: string }>> = JSON.parse(
  document.body.dataset['l10n'] ?? '{}',
);

/** The user's language for an English sentence, with {0}, {1} … replaced. The bundle is the extension's own. */
export function t(text: string, ...values: (string | number)[]): string {
  const found = bundle[text];
  const message = typeof found === 'object' ? found.message : (found ?? text);
  return message.replace(/\{(\d+)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));
}
