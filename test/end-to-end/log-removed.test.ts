import { chmodSync, rmSync } from 'node:fs'
import t from 'tap'
import { stage } from '../harness/stage.ts'

t.test('the -wal of a running server is removed, and then it is killed', async (t) => {
  const { env, braze, serve, line: connect } = await stage(t)
  const path = (env.DATABASE_URL as string).slice('file:'.length)
  const server = await serve()
  const line = connect(server.url)
  const acknowledged: string[] = []
  const post = async () => {
    const userId = line.events.user()
    const { status } = await line.post([line.events.follow(userId)])
    if (status === 200) acknowledged.push(userId)
    return status
  }
  for (let i = 0; i < 100; i++) await post()
  t.equal(acknowledged.length, 100)

  rmSync(`${path}-wal`)
  for (let i = 0; i < 10; i++) t.equal(await post(), 503)
  t.match(await server.get('/health/ready'), { status: 503 })
  t.match(await server.get('/health'), { status: 503 })

  await server.stop('SIGKILL')
  const next = await serve()
  t.match((await next.health()).ledger, { friend: 100 })
  const again = connect(next.url)
  t.match(await again.post([again.events.follow(again.events.user())]), { status: 200 })
  await braze.until(() => acknowledged.every((userId) => braze.attribute(userId) === userId))
})

t.test('a database that others may read is named at the start', async (t) => {
  const { env, folder, serve } = await stage(t)
  const path = (env.DATABASE_URL as string).slice('file:'.length)
  const first = await serve()
  t.notOk(first.lines.some(({ msg }) => msg.startsWith('Other users')))
  await first.stop()
  for (const [file, mode] of [
    [path, 0o644],
    [`${folder}/data`, 0o755],
    [folder, 0o755],
  ] as const) {
    chmodSync(file, mode)
  }
  const second = await serve()
  t.match(await second.logged(({ msg }) => msg.startsWith(`Other users of this machine may read ${path};`)), {
    level: 'warn',
  })
})
