import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../harness/process.ts'

const FLAGS = '--ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --target es2024'.split(' ')
const TSC = resolve(ROOT, 'node_modules/typescript/lib/tsc.js')

/** What TypeScript finds wrong in files of the folder: a line each, which begins with the file's name. */
export async function typeFaults(folder: string, files: readonly string[]): Promise<string[]> {
  // It ends with 1 where something is wrong.
  const { stdout } = await promisify(execFile)(process.execPath, [TSC, ...FLAGS, ...files], {
    cwd: folder,
  }).catch((fault) => fault)
  return String(stdout)
    .split('\n')
    .filter((line) => /^\S+\.ts\(/.test(line))
}
