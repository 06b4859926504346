#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 node --max-semi-space-size=16 --heap-growing-percent=30 --no-allocation-site-pretenuring
// The flags, the same in package.json, the Dockerfile and the units in deploy: on a machine with much memory V8 lets
// garbage pile up, and a small server looks like a large one; and a request that waits for the disk is no reason to make
// the next ones where they live long (docs/decisions.md).
// Runs on any Node, so that one that is too old is told so in a sentence and not by a syntax error.
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `line-braze needs Node.js 22.19 or newer, and this is ${process.versions.node}. In a checkout, npx line-braze uses the right one.\n`,
  )
  process.exitCode = 1
} else {
  // Types are stripped and code is compiled once: later starts take half the time and 30 MiB less. Beside the code, where
  // only those can write who can change the code; where nobody can, every start does the work. Node keeps it apart for
  // each user and set of flags.
  nodeModule.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/line-braze', import.meta.url)))
  import('../src/cli.ts').then(({ main }) => main(process.argv))
}
