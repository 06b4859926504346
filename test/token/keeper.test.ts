import t, { type Test } from 'tap'
import { BlockError } from '../../src/braze/content-blocks.ts'
import { LineError } from '../../src/line/call.ts'
import { createTokenKeeper, type KeeperOptions } from '../../src/token/keeper.ts'
import { createTime, turns } from '../harness/time.ts'
import { CHANNEL, createTokenWorld, LIFE_MS } from '../harness/tokens.ts'

const MINUTE = 60_000
const DAY = 86_400_000

/** Who keeps the token of a channel fresh, in a time that passes when it is told to. */
function setUp(t: Test) {
  const time = createTime()
  const { world, means } = createTokenWorld(time)
  const logged: string[] = []
  const log = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`)
  const start = (more: Partial<KeeperOptions> = {}) => {
    const keeper = createTokenKeeper({
      ...means,
      channel: CHANNEL,
      monotonic: time.monotonic,
      random: () => 1,
      log: { info: log, warn: log },
      ...more,
    })
    keeper.start()
    t.teardown(keeper.stop)
    return keeper
  }
  return {
    time,
    world,
    means,
    logged,
    start,
    status: (keeper: ReturnType<typeof start>) => keeper.status(),
    /** Lets so much time pass, timer by timer. */
    async pass(ms: number) {
      const until = time.monotonic() + ms
      await turns()
      for (let step = Math.min(ms, 10 * MINUTE); time.monotonic() < until; ) {
        time.pass(Math.min(step, until - time.monotonic()))
        step = Math.min(10 * MINUTE, until - time.monotonic()) || step
        await turns(15)
      }
    },
  }
}

t.test(
  'a block is made where there is none; its token is renewed at half of its life, and again',
  async (t) => {
    const { world, start, pass } = setUp(t)
    const keeper = start()
    await pass(0)
    t.strictSame(world.written, ['token-1'])
    t.match(keeper.status(), { keyId: 'kid-1', secondsLeft: LIFE_MS / 1000, problem: null, isStale: false })
    await pass(15 * DAY - 10 * MINUTE)
    t.strictSame(world.written, ['token-1'], 'not before half of it')
    await pass(20 * MINUTE)
    t.strictSame(world.written, ['token-1', 'token-1', 'token-2'], 'tried with the old one first')
    t.ok(world.isAlive('token-1'), 'the one before is left to end by itself')
    await pass(15 * DAY)
    t.strictSame(world.written, ['token-1', 'token-1', 'token-2', 'token-2', 'token-3'])
  },
)

t.test('another process that starts finds a fresh token and leaves it', async (t) => {
  const { world, start, pass } = setUp(t)
  start()
  await pass(0)
  const other = start()
  await pass(DAY)
  t.equal(world.count, 1)
  t.match(other.status(), { keyId: 'kid-1', problem: null })
})

t.test('nobody does anything while somebody else works on it', async (t) => {
  const { world, start, pass } = setUp(t)
  world.occupy('somebody else')
  start()
  await pass(MINUTE)
  t.equal(world.count, 0)
  world.occupy(undefined)
  await pass(2_000)
  t.strictSame(world.written, ['token-1'])
})

t.test(
  'a failure leaves the token, is tried again sooner, and is a person’s business at three quarters',
  async (t) => {
    const { world, start, pass, logged } = setUp(t)
    const keeper = start()
    await pass(15 * DAY - MINUTE)
    world.broken.kids = new LineError('LINE cannot be reached', 500)
    await pass(20 * MINUTE)
    t.match(keeper.status(), { keyId: 'kid-1', problem: 'LINE cannot be reached', isStale: false })
    t.equal(world.content(), 'token-1')
    await pass(7 * DAY)
    t.equal(keeper.status().isStale, false)
    await pass(DAY)
    t.equal(keeper.status().isStale, true, 'three quarters of its life are over')
    t.equal(logged.filter((line) => line.includes('LINE cannot be reached')).length, 1, 'told once')
    world.broken.kids = undefined as never
    await pass(10 * MINUTE)
    t.strictSame(world.written, ['token-1', 'token-1', 'token-2'])
    t.match(keeper.status(), { keyId: 'kid-2', problem: null, isStale: false })
  },
)

t.test('Braze fails between the issue and the update: one token is issued, and written later', async (t) => {
  const { world, means, start, pass } = setUp(t)
  const keeper = start()
  await pass(15 * DAY - MINUTE)
  const { issue } = means.tokens
  means.tokens.issue = async (assertions) => {
    world.broken.update = new BlockError('Braze cannot be reached: ECONNREFUSED')
    return issue(assertions)
  }
  await pass(DAY)
  t.equal(world.content(), 'token-1')
  t.equal(world.count, 2, 'not one for each time that it is tried')
  t.match(keeper.status().problem, /Braze cannot be reached/)
  world.broken.update = undefined as never
  await pass(10 * MINUTE)
  t.equal(world.content(), 'token-2')
  t.equal(world.count, 2)
})

t.test('a token that LINE does not vouch for is not written', async (t) => {
  for (const [name, spoil] of [
    ['of another channel', (token: object) => Object.assign(token, { channelId: '8' })],
    ['with another end', (token: object) => Object.assign(token, { endsAt: 5 * MINUTE })],
  ] as const) {
    const { world, start, pass } = setUp(t)
    const set = world.issued.set.bind(world.issued)
    world.issued.set = (token, facts) => set(token, spoil({ ...facts }) as never)
    const keeper = start()
    await pass(1_000)
    t.strictSame(world.written, [], name)
    t.equal(world.count, 1)
    t.match(keeper.status(), { isStale: true }, 'and nothing else is there')
    t.type(keeper.status().problem, 'string')
  }
})

t.test('near the limit no more are issued, and a sentence says so', async (t) => {
  const { world, start, pass } = setUp(t)
  for (let i = 0; i < 28; i++) world.add(`other-${i}`)
  const keeper = start()
  await pass(MINUTE)
  t.equal(world.count, 0)
  t.match(
    keeper.status().problem,
    /^The channel has 28 channel access tokens v2\.1, of the 30 that LINE allows/,
  )
  world.revoke('other-0')
  await pass(10 * MINUTE)
  t.strictSame(world.written, ['token-1'])
})

t.test('an edited block is written again with the same token; a revoked token is replaced', async (t) => {
  const { world, start, pass, logged } = setUp(t)
  start()
  await pass(0)
  const [block] = world.blocks.values()
  if (!block) return t.fail('no block')
  block.content = 'Hello!'
  await pass(10 * MINUTE)
  t.equal(world.content(), 'token-1')
  t.equal(world.count, 1)
  t.match(logged.join('\n'), /LINE does not take what the Content Block LINE_Channel_AccessToken holds/)
  t.notMatch(logged.join('\n'), /Hello|token-1/)

  block.content = world.add('of-another', { channelId: '8' })
  await pass(10 * MINUTE)
  t.equal(world.content(), 'token-1')
  t.match(logged.join('\n'), /holds a token of the channel 8/)

  block.content = ' token-1\n'
  await pass(10 * MINUTE)
  t.equal(world.content(), ' token-1\n', 'templates strip it')

  world.revoke('token-1')
  await pass(10 * MINUTE)
  t.equal(world.content(), 'token-2')
})

t.test("somebody else's token: replaced in the beginning, later only when it is old", async (t) => {
  const { world, start, pass } = setUp(t)
  const held = world.add('long-lived', { leftMs: null })
  world.blocks.set('b', { name: CHANNEL.block, content: held })
  const keeper = start()
  await pass(0)
  t.equal(world.content(), 'token-1', 'this is the beginning')
  const [block] = world.blocks.values()
  if (!block) return t.fail('no block')
  block.content = world.add('theirs', { leftMs: LIFE_MS - MINUTE })
  await pass(DAY)
  t.equal(world.content(), 'theirs')
  t.match(keeper.status(), {
    keyId: null,
    isStale: false,
    problem: /holds a token that was not issued here.*token rotate replaces it/,
  })
  await pass(14 * DAY + 10 * MINUTE)
  t.not(world.content(), 'theirs', 'it is old')
  block.content = world.add('endless', { leftMs: null })
  await pass(DAY)
  t.equal(world.content(), 'endless')
  t.match(
    keeper.status().problem,
    /LINE takes it, and it has no end, so that it stays; .*token rotate replaces it/,
  )
})

t.test('who was killed after the update: the next one knows the token by its end', async (t) => {
  const { world, start, pass } = setUp(t)
  await start().stop()
  world.blocks.clear()
  world.kept.clear()
  world.blocks.set('b', { name: CHANNEL.block, content: world.add('written', { leftMs: LIFE_MS }) })
  world.kept.set('kid', { keyId: 'kid', issuedAt: 0, endsAt: LIFE_MS, writtenAt: null })
  const keeper = start()
  await pass(0)
  t.equal(world.content(), 'written')
  t.match(keeper.status(), { keyId: 'kid', problem: null })
  t.equal(world.kept.get('kid')?.writtenAt, 0)
})

t.test(
  'a block that was archived or renamed: the old token stays, and a sentence says what to do',
  async (t) => {
    const { world, start, pass } = setUp(t)
    const keeper = start()
    await pass(0)
    const [block] = world.blocks.values()
    if (!block) return t.fail('no block')
    block.name = 'renamed'
    await pass(10 * MINUTE)
    t.match(keeper.status().problem, /The Content Block LINE_Channel_AccessToken is called renamed now/)
    block.name = CHANNEL.block
    block.isArchived = true
    await pass(15 * DAY)
    t.match(keeper.status().problem, /where there was one and it is archived, unarchive it/)
    t.equal(world.content(), 'token-1')
    t.ok(world.count <= 2, 'no token is issued for each time that it is tried')
  },
)

t.test(
  'without LINE and Braze at the start the last process’s token is known, and nothing is done',
  async (t) => {
    const { world, start, pass } = setUp(t)
    await start().stop()
    const first = start()
    await pass(0)
    await first.stop()
    world.broken = { find: new BlockError('Braze cannot be reached'), verify: new LineError('LINE is down') }
    const keeper = start()
    await pass(MINUTE)
    t.match(keeper.status(), { keyId: 'kid-1', isStale: false, problem: 'Braze cannot be reached' })
    t.equal(world.content(), 'token-1')
  },
)

t.test('a stop does not wait for a Braze that does not answer', async (t) => {
  const { world, start, pass } = setUp(t)
  const { promise, reject } = Promise.withResolvers<void>()
  world.hanging = promise
  const keeper = start()
  await pass(0)
  let isOver = false
  const stopped = keeper.stop().then(() => {
    isOver = true
  })
  await pass(900)
  t.notOk(isOver, 'it has the time of a request')
  await pass(200)
  await stopped
  t.ok(isOver)
  // As when the connections are closed.
  reject(new BlockError('Braze cannot be reached'))
  await pass(0)
  t.strictSame(world.written, [])
})

t.test('where it never worked it is a person’s business at once', async (t) => {
  const { world, start, pass } = setUp(t)
  world.broken.find = new BlockError('the key needs the permission content_blocks.list')
  const keeper = start()
  await pass(0)
  t.match(keeper.status(), { secondsLeft: null, isStale: true, problem: /content_blocks\.list/ })
})

t.test('servers that start while Braze refuses to change the block issue nothing', async (t) => {
  const { world, start, pass } = setUp(t)
  await start().stop()
  await pass(16 * DAY)
  world.broken.update = new BlockError('the key needs the permission content_blocks.update')
  for (let i = 0; i < 5; i++) {
    const keeper = start()
    await pass(MINUTE)
    t.match(keeper.status().problem, /content_blocks\.update/)
    await keeper.stop()
  }
  t.equal(world.count, 1)
  world.broken.update = undefined as never
  start()
  await pass(0)
  t.strictSame(world.written.at(-1), 'token-2')
})

t.test('who lost the lease while LINE and Braze were slow issues nothing', async (t) => {
  const { world, means, start, pass } = setUp(t)
  const { keyIds } = means.tokens
  means.tokens.keyIds = async (...args) => {
    world.occupy('somebody else')
    return keyIds(...args)
  }
  const keeper = start()
  await pass(1_000)
  t.equal(world.count, 0)
  t.match(keeper.status().problem, /^Another process has taken over/)
})

t.test('who lost it between the issue and the update writes nothing, and its token later', async (t) => {
  const { world, means, start, pass } = setUp(t)
  const { issue } = means.tokens
  means.tokens.issue = async (assertions) => {
    world.occupy('somebody else')
    return issue(assertions)
  }
  const keeper = start()
  await pass(1_000)
  t.strictSame(world.written, [])
  t.match(keeper.status().problem, /^Another process has taken over/)
  world.occupy(undefined)
  await pass(MINUTE)
  t.strictSame(world.written, ['token-1'])
  t.equal(world.count, 1)
})

t.test(
  "where another channel's token is there from the beginning it stays: the block is that channel's",
  async (t) => {
    const { world, start, pass } = setUp(t)
    world.blocks.set('b', { name: CHANNEL.block, content: world.add('theirs', { channelId: '8' }) })
    const keeper = start()
    await pass(DAY)
    t.equal(world.content(), 'theirs')
    t.equal(world.count, 0)
    t.match(keeper.status(), {
      secondsLeft: 0,
      isStale: true,
      problem: /holds a token of the channel 8, which LINE takes.*choose another name.*BRAZE_TOKEN_BLOCK/s,
    })
    world.revoke('theirs')
    await pass(10 * MINUTE)
    t.equal(world.content(), 'token-1', 'nobody needs it any more')
  },
)

t.test('LINE does not take what it issues: one is issued, and written once LINE takes it', async (t) => {
  const { world, means, start, pass } = setUp(t)
  const { verify } = means.tokens
  let isKnown = false
  means.tokens.verify = async (...args) => (isKnown ? verify(...args) : undefined)
  const keeper = start()
  await pass(DAY)
  t.equal(world.count, 1)
  t.strictSame(world.written, [])
  t.match(keeper.status().problem, /LINE does not take the token that it has issued.*token rotate/s)
  isKnown = true
  await pass(10 * MINUTE)
  t.strictSame(world.written, ['token-1'])
})

t.test('a machine that slept: by LINE’s word the token is renewed in time, and written again', async (t) => {
  const { time, world, start, pass } = setUp(t)
  const keeper = start({ monotonic: () => time.monotonic() - Math.max(0, time.monotonic() - DAY) / 2 })
  await pass(2 * DAY)
  const [block] = world.blocks.values()
  if (!block) return t.fail('no block')
  block.content = 'Hello!'
  await pass(10 * MINUTE)
  t.equal(world.content(), 'token-1')
  t.equal(keeper.status().problem, null)
  await pass(13 * DAY)
  t.equal(world.content(), 'token-2')
})
