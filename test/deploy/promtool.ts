import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

/** Why tests with promtool are skipped here; false where it is installed, as `.ci/run` sees to. */
export const withoutPromtool = spawnSync('promtool', ['--version']).error
  ? "promtool is missing: it comes with Debian's package prometheus"
  : false

/** What promtool says, and whether it finds all in order. */
export async function promtool(...args: readonly string[]): Promise<{ isFine: boolean; said: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)('promtool', args)
    return { isFine: true, said: stdout + stderr }
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return { isFine: false, said: stdout + stderr }
  }
}
