#!/usr/bin/env node
// Runs on any Node, so that one that is too old is told so in a sentence and not by a syntax error.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `line-braze needs Node.js 22.19 or newer, and this is ${process.versions.node}. In a checkout, npx line-braze uses the right one.\n`,
  )
  process.exitCode = 1
} else {
  import('../src/cli.ts').then(({ main }) => main(process.argv))
}
