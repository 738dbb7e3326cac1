// A real clipembedd with a small model, on a loopback port of its own choice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = process.env.CLIPEMBEDD;
const MODEL = path.resolve(import.meta.dirname, '../data/reference/model-a');

/** For `test`: why there can be no daemon. */
export const skip = PROGRAM ? false : 'CLIPEMBEDD names no program';

/** {url, stop()}, once it is ready. */
export async function startDaemon(...options) {
  const child = spawn(PROGRAM, ['--listen', '127.0.0.1:0', '--model', MODEL, '--precision', 'fp32', '--log-format', 'json', ...options],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = [];
  const listening = new Promise((resolve) => createInterface(child.stderr).on('line', (line) => {
    lines.push(line);
    const address = /listening at (http:\/\/[\d.]+:\d+)/.exec(line);
    if (address) resolve(address[1]);
  }));
  const ended = once(child, 'exit');
  const url = await Promise.race([listening, ended.then(() => { throw new Error(`clipembedd ended: ${lines.join('\n')}`); })]);
  while (!(await fetch(`${url}/health/ready`)).ok) await new Promise((next) => setTimeout(next, 50));
  return { url, stop: () => (child.kill('SIGTERM'), ended) };
}
