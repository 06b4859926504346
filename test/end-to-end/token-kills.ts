import t, { type Test } from 'tap'
import { createAssertions } from '../../src/line/assertion.ts'
import { BRIEF_MS } from '../harness/stage.ts'
import { BLOCK, stageTokens } from '../harness/token-stage.ts'

/** Requests of one rotation: list, info, verify, kid, update, token, verify, update, info. */
const REQUESTS = 9
const DAYS_10 = 10 * 86_400

export interface TokenKillsOptions {
  readonly databaseUrl: (t: Test) => Promise<string | undefined>
  /** How often the command is killed, and how often a server. */
  readonly rotations: number
  readonly servers: number
}

/** What holds of the token in Braze, however who renews it is killed. */
export function tokenKills(name: string, { databaseUrl, rotations, servers }: TokenKillsOptions) {
  t.test(
    `kill -9 while the token is renewed: at most one more is issued each time, and the block always holds one that LINE takes, ${name}`,
    { timeout: 600_000, jobs: 2 },
    async (t) => {
      t.test(`token rotate, ${rotations} kills`, async (t) => {
        const { kill, kills, start, tokenEnv, end } = await stageKills(t, await databaseUrl(t))
        while (kills() < rotations) {
          await kill(async (stopWith) => {
            const command = start(['token', 'rotate'], { LINE_CHANNEL_SECRET: '', ...tokenEnv })
            stopWith(() => command.kill('SIGKILL'))
            const { signal, stderr, code } = await command.ended
            if (signal !== 'SIGKILL') t.equal(code, 0, stderr)
            return signal === 'SIGKILL'
          })
        }
        await end()
      })
      t.test(`serve, ${servers} kills`, async (t) => {
        const { kill, kills, serve, age, tokenEnv, end } = await stageKills(t, await databaseUrl(t))
        while (kills() < servers) {
          const revokeUnlessHeld = await age()
          await kill(async (stopWith) => {
            const server = await serve(tokenEnv)
            stopWith(() => server.stop('SIGKILL'))
            await server.exited
            return true
          })
          revokeUnlessHeld()
        }
        await end()
      })
    },
  )
}

/** A block with a token, and what kills whoever is about to renew it. */
async function stageKills(t: Test, databaseUrl: string | undefined) {
  const stage = await stageTokens(t, databaseUrl === undefined ? {} : { databaseUrl })
  const { braze, line, token, env, tokenEnv, content, takes } = stage
  env.BRAZE_TIMEOUT_MS = BRIEF_MS
  tokenEnv.LINE_TIMEOUT_MS = BRIEF_MS
  /** All that was ever in the block since the first token, and what of it was ended here afterwards. */
  const held = new Set<string>()
  const ended = new Set<string>()
  const look = () => held.add(content() ?? '')
  let kills = 0

  const first = await token(['rotate'])
  t.equal(first.code, 0, first.stderr)
  braze.on('call', look)

  /** Calls back with an answer of LINE or Braze at random, or a little later. */
  function atRandom(kill: () => unknown) {
    const at = 1 + Math.floor(Math.random() * REQUESTS)
    let count = 0
    let timer: NodeJS.Timeout | undefined
    const onRequest = () => {
      if (++count === at) timer = setTimeout(kill, Math.random() * 15)
    }
    const ends = [braze.on('call', onRequest), line.on('request', onRequest)]
    const cancel = () => {
      clearTimeout(timer)
      for (const end of ends) end()
    }
    return { at, cancel }
  }

  return {
    ...stage,
    kills: () => kills,
    /** Puts a token that is old enough to be renewed into the block, as if half a month had gone by. */
    async age() {
      const assertions = createAssertions({
        key: tokenEnv.LINE_ASSERTION_KEY as string,
        channelId: line.channelId,
      })
      const answer = await fetch(`${line.url}/oauth2/v2.1/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'client_credentials', ...assertions.fields(DAYS_10) }),
      })
      const { access_token: old, key_id: keyId } = (await answer.json()) as Record<string, string>
      braze.editContentBlock(BLOCK, String(old))
      return function revokeUnlessHeld() {
        if (content() === old) return
        line.revokeKeyId(String(keyId))
        ended.add(String(old))
      }
    },
    /** @param run starts a process that renews the token, says how to kill it, and returns whether that came about */
    async kill(run: (stopWith: (stop: () => unknown) => void) => Promise<boolean>) {
      const before = line.keyIds().length
      let stop: (() => unknown) | undefined
      let isEarly = false
      const { at, cancel } = atRandom(() => {
        isEarly = true
        stop?.()
      })
      const isKilled = await run((how) => {
        stop = how
        if (isEarly) how()
      })
      cancel()
      if (!isKilled) return
      kills += 1
      look()
      t.ok(line.keyIds().length <= before + 1, `killed after ${at} requests: at most one token is issued`)
      t.ok(await takes(content()), `killed after ${at} requests: LINE takes what the block holds`)
    },
    /** What must hold in the end. */
    async end() {
      // None of the others ends meanwhile: what LINE takes now it took when it was written.
      for (const content of held)
        if (!ended.has(content)) t.ok(await takes(content), 'LINE takes whatever was in the block')
      const last = await token(['rotate'])
      t.equal(last.code, 0, last.stderr)
      const [shown] = (await token()).result.channels
      // Two that were issued within the same seconds are told apart by nobody: the key id may be the other one's.
      t.match(shown, { status: 'ok', writtenBy: 'line-braze' })
      t.equal(shown.liveTokens, line.keyIds().length, 'the count shows those that nobody uses')
      t.comment(`${kills} kills: ${line.keyIds().length} tokens live, ${held.size} of all were in the block`)
    },
  }
}
