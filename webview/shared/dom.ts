type Child = Node | string | undefined;

/** An element with attributes and children. Strings become text, never markup: names in them are untrusted. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes?: Readonly<Record<string, string>>,
  ...children: Child[]
): HTMLElementTagNameMap[Tag];
export function h(
  tag: string,
  attributes?: Readonly<Record<string, string>>,
  ...children: Child[]
): HTMLElement;
export function h(
  tag: string,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child): child is Node | string => child !== undefined));
  return element;
}

/** A codicon; the text beside it says the same, so readers skip it. */
export function icon(name: string, kind = ''): HTMLElement {
  return h('span', { class: `codicon codicon-${name} ${kind}`.trim(), 'aria-hidden': 'true' });
}

/** Sets text only where it differs, so that a live page does not redraw what stays. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | undefined): void {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** A button of the toolkit with an icon before its label. */
export function button(
  label: string,
  glyph: string,
  press: () => void,
  appearance: 'primary' | 'secondary' = 'secondary',
): HTMLElement {
  const element = h('vscode-button', { appearance }, label);
  const start = icon(glyph);
  start.slot = 'start';
  element.append(start);
  element.addEventListener('click', press);
  return element;
}
