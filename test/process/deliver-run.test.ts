import t from 'tap'
import type { Outstanding } from '../../src/ledger/ledger.ts'
import { deliverRun } from '../../src/process/deliver-run.ts'

/** Waits over a ledger that says one after the other what is open, a minute apart; the last one stays. */
function setUp(
  looks: (Partial<Outstanding> & { interrupt?: true })[],
  state: 'delivering' | 'standby' | 'paused',
  stumbling = 0,
) {
  const controller = new AbortController()
  const said = { notes: [] as string[], looks: [] as number[], stops: 0 }
  let now = 0
  let place = 0
  const waited = deliverRun({
    ledger: {
      async outstanding() {
        const look = looks[Math.min(place++, looks.length - 1)]
        if (look?.interrupt) controller.abort(new Error('interrupted'))
        return { pending: 0, failed: 0, earlier: 0, ...look }
      },
    },
    run: 1,
    deliverer: {
      delivery: () => ({ state, stumbling, reason: state === 'paused' ? 'Braze answers 401' : null }),
      stop: async () => void said.stops++,
    },
    onLook: ({ pending, earlier }) => said.looks.push(pending + earlier),
    note: (sentence) => said.notes.push(sentence),
    signal: controller.signal,
    monotonic: () => now,
    async sleep(_ms, signal) {
      now += 60_001
      signal?.throwIfAborted()
    },
  })
  return { waited, said }
}

t.test('until nothing is open, of this run and of earlier ones, and then once more', async (t) => {
  const { waited, said } = setUp(
    [{ pending: 3 }, { pending: 1, earlier: 1 }, { earlier: 1 }, {}],
    'delivering',
  )
  await waited
  t.match(said, { looks: [3, 2, 1, 0, 0], stops: 1, notes: [] })
})

t.test('what Braze rejected ends it with a sentence', async (t) => {
  const { waited, said } = setUp([{ pending: 1 }, { failed: 1 }], 'delivering')
  await t.rejects(waited, {
    message: /^Braze rejected 1 contact; contacts\.failure .* resync tries them again\.$/,
  })
  t.equal(said.stops, 1)
})

t.test('a person has to mend something first: it ends, where this process delivers', async (t) => {
  const { waited, said } = setUp([{ pending: 1 }], 'paused')
  await t.rejects(waited, { message: 'Braze answers 401' })
  t.equal(said.stops, 1)
})

t.test('a server that does not get on: said once after a minute, and the end after 65', async (t) => {
  const { waited, said } = setUp([{ pending: 2 }], 'standby')
  await t.rejects(waited, { message: /told Braze of nobody for 65 minutes; .* 2 changes wait for it\.$/ })
  t.match(said.notes, [/for a minute; its \/health says why/])
  t.equal(said.notes.length, 1)
  t.ok(said.looks.length >= 65 && said.looks.length <= 68, `${said.looks.length} looks`)
})

t.test(
  'a server that gets on, however slowly, is waited for; so is a Braze that this process waits for',
  async (t) => {
    const slow = Array.from({ length: 100 }, (_, i) => ({ pending: 200 - Math.floor(i / 60) }))
    const { waited, said } = setUp([...slow, {}], 'standby')
    await waited
    t.equal(said.stops, 1)
    await setUp([...Array.from({ length: 100 }, () => ({ pending: 5 })), {}], 'delivering').waited
  },
)

t.test('an end that was asked for still looks at what was under way', async (t) => {
  const { waited, said } = setUp(
    [{ pending: 5 }, { pending: 4, interrupt: true }, { pending: 2 }],
    'delivering',
  )
  await t.rejects(waited, { message: 'interrupted' })
  t.strictSame(said.looks, [5, 4, 2])
  t.equal(said.stops, 1)
})

t.test('nobody is left but those over whom Braze fails: it ends after a minute', async (t) => {
  const { waited, said } = setUp([{ pending: 9 }, { pending: 2 }], 'delivering', 2)
  await t.rejects(waited, { message: /everybody but 2 contacts, over whom it fails/ })
  t.ok(said.looks.length <= 5)
  await setUp([...Array.from({ length: 9 }, () => ({ pending: 3 })), {}], 'delivering', 2).waited
})
