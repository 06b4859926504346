import t, { type Test } from 'tap'
import { createAssertions } from '../../src/line/assertion.ts'
import type { StageOptions } from '../harness/stage.ts'
import { BLOCK, stageTokens } from '../harness/token-stage.ts'

/** Requests of one rotation: list, info, kid, token, verify, update, info. */
const REQUESTS = 7
const DAYS_10 = 10 * 86_400

export interface TokenKillsOptions {
  readonly databaseUrl: (t: Test) => Promise<string | undefined>
  readonly rotations: number
  readonly servers: number
}

/** What holds of the token in Braze, however who renews it is killed. */
export function tokenKills(name: string, { databaseUrl, rotations, servers }: TokenKillsOptions) {
  t.test(
    `kill -9 while the token is renewed: at most one more is issued each time, and the block always holds one that LINE takes, ${name}`,
    { timeout: 400_000 },
    async (t) => {
      const url = await databaseUrl(t)
      const { braze, line, token, tokenEnv, start, serve, content, takes } = await stageTokens(
        t,
        url === undefined ? {} : ({ databaseUrl: url } satisfies StageOptions),
      )
      /** All that was ever in the block since the first token, and what of it was ended here afterwards. */
      const held = new Set<string>()
      const ended = new Set<string>()
      const look = () => held.add(content() ?? '')
      /** Kills with the answer number `at`, or a little later. */
      function killAfter(at: number, kill: () => unknown) {
        let count = 0
        let timer: NodeJS.Timeout | undefined
        const onRequest = () => {
          if (++count === at) timer = setTimeout(kill, Math.random() * 15)
        }
        const ends = [braze.on('call', onRequest), line.on('request', onRequest)]
        return () => {
          clearTimeout(timer)
          for (const end of ends) end()
        }
      }
      const first = await token(['rotate'])
      t.equal(first.code, 0, first.stderr)
      braze.on('call', look)

      let kills = 0
      async function assertHeld(before: number, when: string) {
        kills += 1
        look()
        t.ok(line.keyIds().length <= before + 1, `${when}: at most one token is issued`)
        t.ok(await takes(content()), `${when}: LINE takes what the block holds`)
      }

      while (kills < rotations) {
        const at = 1 + Math.floor(Math.random() * REQUESTS)
        const before = line.keyIds().length
        const command = start(['token', 'rotate'], { LINE_CHANNEL_SECRET: '', ...tokenEnv })
        const end = killAfter(at, () => command.kill('SIGKILL'))
        const { signal, stderr, code } = await command.ended
        end()
        if (signal === 'SIGKILL') await assertHeld(before, `killed after ${at} requests of token rotate`)
        else t.equal(code, 0, stderr)
      }

      const assertions = createAssertions({
        key: tokenEnv.LINE_ASSERTION_KEY as string,
        channelId: line.channelId,
      })
      /** Puts a token that is old enough to be renewed into the block, as if half a month had gone by. */
      async function age() {
        const fields = { grant_type: 'client_credentials', ...assertions.fields(DAYS_10) }
        const answer = await fetch(`${line.url}/oauth2/v2.1/token`, {
          method: 'POST',
          body: new URLSearchParams(fields),
        })
        const { access_token: old, key_id: keyId } = (await answer.json()) as Record<string, string>
        braze.editContentBlock(BLOCK, String(old))
        return { old, keyId: String(keyId) }
      }
      while (kills < rotations + servers) {
        const { old, keyId } = await age()
        const at = 1 + Math.floor(Math.random() * REQUESTS)
        const before = line.keyIds().length
        const stop: { kill?: () => unknown } = {}
        let isEarly = false
        const end = killAfter(at, () => {
          isEarly = true
          stop.kill?.()
        })
        const server = await serve(tokenEnv)
        stop.kill = () => server.stop('SIGKILL')
        if (isEarly) stop.kill()
        await server.exited
        end()
        await assertHeld(before, `killed after ${at} requests of serve`)
        if (content() === old) continue
        line.revokeKeyId(keyId)
        ended.add(String(old))
      }

      // None of the others ends meanwhile: what LINE takes now it took when it was written.
      for (const content of held)
        if (!ended.has(content)) t.ok(await takes(content), 'LINE takes whatever was in the block')
      const last = await token(['rotate'])
      t.equal(last.code, 0, last.stderr)
      const shown = await token()
      t.equal(shown.result.channels[0].keyId, last.result.channels[0].keyId)
      t.equal(
        shown.result.channels[0].liveTokens,
        line.keyIds().length,
        'the count shows those that nobody uses',
      )
      t.comment(`${kills} kills: ${line.keyIds().length} tokens live, ${held.size} of all were in the block`)
      t.equal(kills, rotations + servers)
    },
  )
}
