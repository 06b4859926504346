import { resolve } from 'node:path'
import { Command } from 'commander'
import { writeOutput } from '../process/files.ts'
import type { Host } from '../process/host.ts'
import { runTask, type Task } from '../process/task.ts'
import { newKeyPair } from '../token/key-pair.ts'

interface KeygenOptions {
  readonly print?: boolean
  readonly json?: boolean
}

const FILE = 'line-assertion-key.json'

export const keygenCommand = (host: Host) =>
  new Command('keygen')
    .description('makes the key by which tokens are issued (LINE_ASSERTION_KEY); the public half is for LINE')
    .argument('[FILE]', `a new file for the private half, which its owner alone may read (default: ${FILE})`)
    .option('--print', 'prints the private half, too, and writes no file')
    .option('--json', 'print the result as one JSON object')
    .action((file, options) => keygen(file, options, host))

async function keygen(file: string | undefined, { print = false, json }: KeygenOptions, host: Host) {
  const { privateKey, publicKey } = newKeyPair()
  const path = print ? null : (file ?? FILE)
  const work = async (task: Task) => {
    if (path !== null) await writeOutput(once(textOf(privateKey)), resolve(host.cwd(), path), task)
    const where = path ?? 'the private key'
    task.display.say(
      `1. LINE Developers Console, the channel's page Basic settings, Assertion Signing Key: register this public key.`,
    )
    task.display.say(`2. LINE shows a kid for it: put that between the empty quotes after "kid" in ${where}.`)
    task.display.say(
      path === null
        ? '3. Set LINE_ASSERTION_KEY to the private key, and LINE_CHANNEL_ID.'
        : `3. Set LINE_ASSERTION_KEY_FILE=${path} and LINE_CHANNEL_ID. Keep it as a secret: who has it can send messages in your name.`,
    )
  }
  await runTask(host, json === undefined ? {} : { json }, work, (end) => ({
    result: {
      status: end === 'done' ? 'made' : end,
      file: path,
      publicKey,
      ...(print && { privateKey }),
    },
    text: end === 'done' ? [...(print ? [textOf(privateKey)] : []), textOf(publicKey)].join('\n') : '',
    interrupted: 'Interrupted; no key was made.',
  }))
}

const textOf = (key: object) => JSON.stringify(key, null, 2)

async function* once(text: string) {
  yield `${text}\n`
}
