/**
 * Import before anything that formats numbers while it loads. A browser that runs under a POSIX locale says
 * "en-US@posix", which Intl refuses; the language of VS Code stands in for it then.
 */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: document.documentElement.lang || 'en' });
}
