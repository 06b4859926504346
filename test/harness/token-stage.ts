import type { Test } from 'tap'
import { newKeyPair } from '../../src/token/key-pair.ts'
import type { Env } from './process.ts'
import { type LineApiSandboxOptions, lastLine, PATIENT_MS, type StageOptions, stage } from './stage.ts'

export const BLOCK = 'LINE_Channel_AccessToken'

/** A LINE with a registered key, a Braze, and the settings with which tokens are issued: no secret is among them. */
export async function stageTokens(
  t: Test,
  options: StageOptions & { readonly line?: LineApiSandboxOptions } = {},
) {
  const parts = await stage(t, options)
  const { line } = await parts.lineApi(options.line)
  const { privateKey, publicKey } = newKeyPair()
  const env: Env = {
    LINE_CHANNEL_ID: line.channelId,
    LINE_ASSERTION_KEY: JSON.stringify({ ...privateKey, kid: line.registerKey(publicKey) }),
    LINE_API_BASE_URL: line.url,
    LINE_TIMEOUT_MS: PATIENT_MS,
  }
  const sleep = () => new Promise(setImmediate)
  const content = () => parts.braze.contentBlock(BLOCK)?.content

  return {
    ...parts,
    line,
    tokenEnv: env,
    content,
    /** Runs `token …` in this process, with `--json`. */
    async token(
      args: readonly string[] = [],
      more: Env = {},
      options: Parameters<typeof parts.command>[2] = {},
    ) {
      const ended = await parts.command(
        ['token', ...args, '--json'],
        { LINE_CHANNEL_SECRET: '', ...env, ...more },
        { sleep, ...options },
      ).ended
      return { ...ended, result: ended.stdout.trim() === '' ? undefined : lastLine(ended.stdout) }
    },
    /** Whether LINE takes a token. */
    async takes(token: string | undefined): Promise<boolean> {
      const query = new URLSearchParams({ access_token: token ?? '' })
      const { status } = await fetch(`${line.url}/oauth2/v2.1/verify?${query}`)
      return status === 200
    },
  }
}
