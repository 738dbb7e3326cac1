// Debian's Chromium, driven by playwright-core, which the build folder holds (PAGE_TEST_MODULES: meson.build).
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.PAGE_TEST_MODULES ?? import.meta.dirname, 'package.json'));
const { chromium } = require('playwright-core');

// --no-sandbox: Chromium refuses its sandbox to root, whom containers run as.
export function startBrowser() {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export const axeSource = () => require('axe-core').source;
