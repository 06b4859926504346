import t from 'tap'
import type { Serve } from '../harness/process.ts'
import { BLOCK, stageTokens } from '../harness/token-stage.ts'

const isFresh = ({ msg }: { msg: string }) => msg === "LINE's token in Braze is fresh"

/** What holds of real servers that keep the token in Braze fresh, of which there may be several. */
export function tokenServers(name: string, databaseUrl: () => Promise<string | undefined>) {
  t.test(`servers keep the token in Braze fresh, ${name}`, { timeout: 600_000 }, async (t) => {
    const url = await databaseUrl()
    const { line, token, tokenEnv, serve, content, takes } = await stageTokens(
      t,
      url === undefined ? {} : { databaseUrl: url },
    )
    line.setQuota(500)
    line.setQuotaUsed(42)
    const keyIdOf = async (server: Serve) => (await server.logged(isFresh)).keyId

    const servers = await Promise.all([serve(tokenEnv), serve(tokenEnv)])
    const keyIds = await Promise.all(servers.map(keyIdOf))
    t.strictSame(line.keyIds(), [keyIds[0]], 'two of them have issued one')
    t.equal(keyIds[1], keyIds[0])
    t.ok(await takes(content()))
    const held = String(content())

    const [server] = servers as [Serve, Serve]
    const health = await server.health()
    t.match(health, {
      status: 'ok',
      tokens: [{ channel: 'default', block: BLOCK, keyId: keyIds[0], problem: null }],
    })
    t.ok(health.tokens[0].secondsLeft > 29 * 86_400)
    const seconds = /^line_braze_token_seconds_left\{channel="default"\} (\d+)$/m.exec(
      (await server.get('/metrics')).body,
    )
    t.ok(Number(seconds?.[1]) > 29 * 86_400)
    await server.logged(({ msg }) => msg === "LINE has said how many of the month's messages are sent")
    const quota = (await server.get('/metrics')).body.match(/^line_braze_line_quota.*$/gm)
    t.strictSame(quota, [
      'line_braze_line_quota{channel="default"} 500',
      'line_braze_line_quota_used{channel="default"} 42',
    ])

    // A person's rotation beside running servers.
    t.equal((await token(['rotate'])).code, 0)
    t.not(content(), held)
    t.equal(line.keyIds().length, 2)
    for (const each of servers) {
      t.strictSame(await each.stop(), { code: 0, signal: null })
      t.notOk(
        each.lines.some((logged) => JSON.stringify(logged).includes(held)),
        'no token is in the log',
      )
    }

    const again = await serve(tokenEnv)
    t.equal(await keyIdOf(again), line.keyIds()[1])
    t.equal(line.keyIds().length, 2, 'a start issues none')
    await again.stop()
  })

  t.test(`Braze and LINE are down at the start, ${name}`, { timeout: 600_000 }, async (t) => {
    const url = await databaseUrl()
    const { braze, line, tokenEnv, serve, content } = await stageTokens(
      t,
      url === undefined ? {} : { databaseUrl: url },
    )
    const problem = (pattern: RegExp) => (logged: { msg: string; problem?: unknown }) =>
      logged.msg === "LINE's token in Braze" && pattern.test(String(logged.problem))
    // Between the issue and the update.
    braze.answerNextOf('/content_blocks/create', { status: 503 }, 2)
    line.setOutageOf('/oauth2/v2.1/tokens/kid', { status: 500 })
    const server = await serve(tokenEnv)
    await server.logged(problem(/LINE answers 500/))
    t.equal(content(), undefined)
    t.match(await server.health(), {
      status: 'degraded',
      tokens: [{ secondsLeft: 0, problem: /LINE answers 500/ }],
    })
    line.setOutageOf('/oauth2/v2.1/tokens/kid', null)
    await server.logged(problem(/Braze answers 503/))
    await server.logged(isFresh)
    t.equal(line.keyIds().length, 1, 'what was issued is what is written')
    t.match(await server.health(), { status: 'ok', tokens: [{ problem: null }] })
    await server.stop()
  })
}
