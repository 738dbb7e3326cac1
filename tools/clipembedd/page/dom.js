// Builds elements: element('button', {class: 'quiet', onclick: f}, 'Copy'). Attributes that are null or false are left
// out, true ones are bare; no inline style, which the page's content security policy forbids.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function button(text, onclick, attributes = {}) {
  return element('button', { type: 'button', class: 'quiet', onclick, ...attributes }, text);
}

/** Text that screen readers read and nobody sees. */
export function unseen(text) {
  return element('span', { class: 'unseen' }, text);
}

/** Sets text only where it changed, so that nothing is laid out or announced again for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export const prefersStillness = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Builds something anew; where the focus was in it, it goes to what has the same data-focus afterwards. */
export function keepingFocus(rebuild) {
  const key = document.activeElement?.dataset.focus;
  rebuild();
  if (key && !document.activeElement?.dataset.focus) document.querySelector(`[data-focus="${key}"]`)?.focus({ preventScroll: true });
}
