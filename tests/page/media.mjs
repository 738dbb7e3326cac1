// Files to drop: pictures of the test data, and a video made here.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const IMAGES = path.resolve(import.meta.dirname, '../data/reference/images');
export const photo = (name) => path.join(IMAGES, name);

/** A folder of this process, removed at its end. */
export const scratch = mkdtempSync(path.join(tmpdir(), 'clipembed-page-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Six seconds with a cut each second, in a container and codec that every browser plays. */
export function video(name = 'shots.webm') {
  const made = path.join(scratch, name);
  const shots = ['fruits', 'home', 'butterfly', 'building', 'HappyFish', 'fruits'].flatMap((shot) => ['-loop', '1', '-t', '1', '-i', photo(`${shot}.jpg`)]);
  const scaled = Array.from({ length: 6 }, (_, i) => `[${i}]scale=320:180,setsar=1,fps=12[s${i}]`).join(';');
  const joined = `${Array.from({ length: 6 }, (_, i) => `[s${i}]`).join('')}concat=n=6[v]`;
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...shots, '-filter_complex', `${scaled};${joined}`, '-map', '[v]', '-c:v', 'libvpx', '-b:v', '400k', made]);
  return made;
}
