import t from 'tap'
import { stage } from '../harness/stage.ts'

const DAY_MS = 86_400_000
/** So long a message is from leaving the window when LINE tells of it: by then Braze has to have been told. */
const LEFT_MS = 8_000

t.test(
  'a running server clears who only wrote when MESSAGER_WINDOW_DAYS are over, and not for ever',
  async (t) => {
    const { braze, serve, line, delivered, counts } = await stage(t)
    const server = await serve({ MESSAGER_WINDOW_DAYS: '1' })
    const { events, post } = line(server.url)
    const [stranger, follower] = [events.user(), events.user()]
    const has = (userId: string) => braze.attribute(userId) === userId
    const at = Date.now() - DAY_MS + LEFT_MS
    t.match(
      await post([events.follow(follower, at), events.message(follower, at), events.message(stranger, at)]),
      { status: 200 },
    )
    await braze.until(() => has(stranger) && has(follower))
    await braze.until(() => !has(stranger))
    t.ok(Date.now() >= at + DAY_MS, 'not before')
    await delivered()
    t.match(await counts(), { friend: 1, messager: 0, gone: 1 })

    t.match(await post([events.message(stranger)]), { status: 200 })
    await braze.until(() => has(stranger))
    t.ok(has(follower), 'a friend stays')
    t.match(await counts(), { friend: 1, messager: 1, gone: 0 })
  },
)
