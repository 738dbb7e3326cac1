// Compiles dist/: ES modules in dist/esm, CommonJS in dist/cjs, each with its declarations.
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const compile = (...options) => execFileSync(process.execPath, [tsc, "-p", root, ...options], { stdio: "inherit" });

rmSync(`${root}/dist`, { recursive: true, force: true });
compile("--outDir", `${root}/dist/esm`);
compile("--outDir", `${root}/dist/cjs`, "--module", "commonjs", "--moduleResolution", "bundler");
// The package as a whole is "type": "module".
writeFileSync(`${root}/dist/cjs/package.json`, '{ "type": "commonjs" }\n');
