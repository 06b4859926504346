import t from 'tap'
import { friend, gone } from '../../src/contact/contact.ts'
import { type CommitTrace, createGroupCommit, WAITING_LIMIT } from '../../src/ledger/group-commit.ts'
import { friends, key, users } from '../harness/people.ts'

const at = (userId: string, moment: number) => friend(key(userId), moment)

/** Commits that the test ends by hand, one after the other. */
function setUp(trace?: CommitTrace) {
  const batches: { users: string[]; acknowledgements: number; end: (error?: Error) => void }[] = []
  const sizes: number[] = []
  const commits = createGroupCommit({
    commit: ({ evidence, acknowledgements }) =>
      new Promise((resolve, reject) => {
        batches.push({
          users: evidence.map(({ userId, friendAt, goneAt }) => `${userId} ${friendAt} ${goneAt}`),
          acknowledgements: acknowledgements.flatMap(({ answers }) => answers).length,
          end: (error) => (error ? reject(error) : resolve()),
        })
      }),
    onCommit: (calls) => sizes.push(calls),
    ...(trace && { trace }),
  })
  /** Lets everything run that does not wait for a commit. */
  const turn = () => new Promise(setImmediate)
  return { commits, batches, sizes, turn }
}

t.test('what arrives while a commit is under way shares the next one', async (t) => {
  const { commits, batches, sizes, turn } = setUp()
  const first = commits.record([at('a', 1)])
  await turn()
  const others = [commits.record([at('b', 1)]), commits.record([at('c', 1)]), commits.probe()]
  const answer = commits.acknowledge([{ id: 1, revision: 1, failure: null }], 0)
  await turn()
  t.equal(batches.length, 1, 'one at a time')
  batches[0]?.end()
  await first
  await turn()
  t.match(batches[1], { users: ['b 1 0', 'c 1 0'], acknowledgements: 1 })
  batches[1]?.end()
  await Promise.all([...others, answer])
  t.strictSame(sizes, [1, 4])
})

t.test('few calls wait for those that come in the same turn, many do not', async (t) => {
  const { commits, batches, turn } = setUp()
  const calls = users(15).map((user) => commits.record([at(user, 1)]))
  t.equal(batches.length, 0)
  calls.push(...users(20).map((user) => commits.record([at(user, 2)])))
  t.equal(
    batches[0]?.users.length,
    15,
    'the sixteenth call does not wait; here it speaks of somebody who is there',
  )
  t.equal(batches.length, 1)
  batches[0]?.end()
  await calls[0]
  await turn()
  t.equal(batches[1]?.users.length, 19)
  batches[1]?.end()
  await Promise.all(calls)
})

t.test('idle waits for what comes while it waits, and for nothing on an idle system', async (t) => {
  const { commits, batches, turn } = setUp()
  await commits.idle()
  const first = commits.record([at('a', 1)])
  let isIdle = false
  const idle = commits.idle().then(() => {
    isIdle = true
  })
  await turn()
  const second = commits.record([at('b', 1)])
  batches[0]?.end(new Error('disk full'))
  await t.rejects(first)
  await turn()
  t.equal(batches.length, 2)
  t.equal(isIdle, false)
  batches[1]?.end()
  await Promise.all([second, idle])
})

t.test('a contact is in a batch once, with all that was said of it', async (t) => {
  const { commits, batches, turn } = setUp()
  void commits.record([at('a', 5), gone(key('a'), 7)])
  void commits.record([at('a', 9)])
  await turn()
  t.strictSame(batches[0]?.users, ['a 9 7'])
  batches[0]?.end()
  await commits.idle()
})

t.test('a commit that fails fails those that share it, and nobody else', async (t) => {
  const { commits, batches, sizes, turn } = setUp()
  const failing = [commits.record([at('a', 1)]), commits.record([at('b', 1)])]
  await turn()
  const next = commits.record([at('c', 1)])
  batches[0]?.end(new Error('disk full'))
  for (const call of failing) await t.rejects(call, { message: 'disk full' })
  await turn()
  batches[1]?.end()
  await next
  t.strictSame(sizes, [1], 'only what succeeded is counted')
})

t.test('a batch does not grow without end, and neither does the queue', async (t) => {
  const { commits, batches, turn } = setUp()
  const many = (from: number, count: number) => friends(users(from + count).slice(from), 1)
  const calls = Array.from({ length: WAITING_LIMIT / 1_000 }, (_, i) =>
    commits.record(many(i * 1_000, 1_000)),
  )
  await t.rejects(commits.record(many(0, 1)), { name: 'LedgerError', message: /too slow/ })
  for (let done = 0; done < calls.length / 5; done++) {
    await turn()
    t.equal(batches[done]?.users.length, 5_000)
    batches[done]?.end()
    await calls[done * 5]
  }
  await Promise.all(calls)
  const again = commits.record(many(0, 1))
  await turn()
  batches.at(-1)?.end()
  await again
})

t.test('whoever follows them knows of each commit which calls it carries, also where it fails', async (t) => {
  let now = ''
  const followed: { contacts: number; answers: number; callers: readonly unknown[]; failed: boolean }[] = []
  const { commits, batches, turn } = setUp({
    caller: () => now,
    commit: async (contents, callers, run) => {
      const failed = await run().then(
        () => false,
        () => true,
      )
      followed.push({ ...contents, callers: callers(), failed })
      if (failed) throw new Error('as it was')
    },
  })
  const call = (name: string, people: readonly string[]) => {
    now = name
    return commits.record(people.map((user) => at(user, 1)))
  }
  // The sixteenth begins the commit before it has its promise.
  const first = users(16).map((user) => call(`by ${user}`, [user]))
  const second = [call('by b', ['b', 'c'])]
  now = 'by d'
  second.push(commits.acknowledge([{ id: 1, revision: 1, failure: null }], 0))
  batches[0]?.end()
  await Promise.all(first)
  await turn()
  batches[1]?.end(new Error('the disk is full'))
  for (const each of second) await t.rejects(each, { message: 'as it was' })
  const callers = users(16).map((user) => `by ${user}`)
  t.strictSame(followed, [
    { contacts: 16, answers: 0, callers, failed: false },
    { contacts: 2, answers: 1, callers: ['by b', 'by d'], failed: true },
  ])
})
