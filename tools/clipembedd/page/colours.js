// The page's colour scales, taken from page.css so that light and dark have their own.

const stops = { scheme: null };

/** "r g b" of a custom property, as numbers. */
function property(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim().split(/\s+/).map(Number);
}

function refresh() {
  const scheme = matchMedia('(prefers-color-scheme: dark)').matches;
  if (stops.scheme === scheme) return;
  Object.assign(stops, { scheme, middle: property('--scale-middle'), negative: property('--scale-negative'),
    positive: property('--scale-positive') });
}

function mix(from, to, part) {
  return from.map((value, i) => Math.round(value + (to[i] - value) * part));
}

/** The colour of a number between -1 and 1, [r, g, b]. */
export function diverging(value) {
  refresh();
  const strength = Math.min(1, Math.abs(value)) || 0;
  return mix(stops.middle, value < 0 ? stops.negative : stops.positive, strength ** 0.8);
}

/** The colour of a likeness between 0 and 1, and whether dark or light text is readable on it. */
export function likeness(value) {
  refresh();
  const colour = mix(stops.middle, stops.negative, Math.min(1, Math.max(0, value)) || 0);
  return { colour, ink: luminance(colour) > 0.179 ? 'dark' : 'light' };
}

/** WCAG 2's relative luminance of an sRGB colour. */
function luminance(colour) {
  const [r, g, b] = colour.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** Calls back when the person's system goes from light to dark or back. */
export function onSchemeChange(callback) {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', callback);
}
