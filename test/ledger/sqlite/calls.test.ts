import t from 'tap'
import { type Call, createCalls } from '../../../src/ledger/sqlite/calls.ts'

/** A database whose lock another process holds or not, and on which calls write unless their name begins with "read". */
function setup() {
  const log: string[] = []
  const looks: (() => void)[] = []
  const database = { isLocked: false, tries: 0 }
  const calls = createCalls<Call & { name: string }>({
    attempt({ name }) {
      database.tries++
      if (database.isLocked && !name.startsWith('read')) return new Error(`${name} met a lock`)
      log.push(name)
      return undefined
    },
    refuse: (_call, { message }) => log.push(`refused: ${message}`),
    later: (look) => looks.push(look),
  })
  let id = 0
  return {
    log,
    database,
    looks,
    ...calls,
    take: (name: string) => {
      calls.take({ id: ++id, name, isLast: name === 'close' })
      return id
    },
    look: () => looks.shift()?.(),
  }
}

t.test('calls are done as they come, and nothing looks again', async (t) => {
  const { take, log, looks } = setup()
  for (const name of ['a', 'read', 'b']) take(name)
  t.strictSame(log, ['a', 'read', 'b'])
  t.equal(looks.length, 0)
})

t.test('behind a lock writers wait in their order, and readers go past', async (t) => {
  const { take, log, database, look, looks } = setup()
  database.isLocked = true
  for (const name of ['a', 'read 1', 'b', 'read 2']) take(name)
  t.strictSame(log, ['read 1', 'read 2'])
  look()
  t.strictSame(log, ['read 1', 'read 2'])
  database.isLocked = false
  take('c')
  t.strictSame(log, ['read 1', 'read 2', 'a', 'b', 'c'])
  look()
  t.equal(looks.length, 0, 'and nothing looks any more')
})

t.test('each is given up at its own moment', async (t) => {
  const { take, giveUp, log, database, look } = setup()
  database.isLocked = true
  const [a, b, c] = [take('a'), take('b'), take('c')]
  giveUp(b as number)
  t.strictSame(log, ['refused: b met a lock'])
  giveUp(a as number)
  t.strictSame(log.at(-1), 'refused: a met a lock')
  database.isLocked = false
  look()
  giveUp(c as number)
  t.strictSame(log.slice(2), ['c'], 'what is done is not refused')
})

t.test('a look costs one try, however many wait', async (t) => {
  const { take, database, look } = setup()
  database.isLocked = true
  for (let i = 0; i < 50; i++) take(`w${i}`)
  database.tries = 0
  look()
  t.equal(database.tries, 1)
})

t.test('the last call waits for all others, and is not given up', async (t) => {
  const { take, giveUp, log, database, look } = setup()
  database.isLocked = true
  take('a')
  const close = take('close')
  giveUp(close)
  t.strictSame(log, [])
  database.isLocked = false
  look()
  t.strictSame(log, ['a', 'close'])
})
