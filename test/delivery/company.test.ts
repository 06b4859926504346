import t from 'tap'
import { createCompany } from '../../src/delivery/company.ts'

const items = (count: number) => Array.from({ length: count }, (_, id) => ({ id }))

function setUp() {
  let now = 0
  const company = createCompany({ monotonic: () => now, random: () => 1 })
  const pass = (ms: number) => {
    now += ms
  }
  return { company, pass }
}

t.test(
  'of whom Braze refuses, one bad one is found in as many requests as halving takes, and nobody waits',
  (t) => {
    const { company } = setUp()
    const due = new Map(items(50).map((item) => [item.id, item]))
    let requests = 0
    for (let bad: number | undefined; bad === undefined; requests++) {
      const batch = company.choose([...due.values()], 50)
      const hasBad = batch.some(({ id }) => id === 17)
      if (!hasBad) for (const { id } of batch) due.delete(id)
      if (!hasBad) company.forgive(batch)
      else if (company.refused(batch)) bad = batch[0]?.id
      if (bad !== undefined) t.equal(bad, 17)
    }
    t.ok(requests <= 14, `${requests} requests`)
    t.end()
  },
)

t.test('whom Braze fails over comes after all others, alone, and later each time', (t) => {
  const { company, pass } = setUp()
  const [first, ...others] = items(3)
  company.failed([first as { id: number }])
  t.strictSame(company.choose([{ id: 0 }, ...others], 50), others)
  t.strictSame(company.choose([{ id: 0 }], 50), [], 'and rests')
  t.equal(company.nextMs(), 1_000)
  pass(500)
  company.failed([{ id: 1 }, { id: 2 }])
  pass(1_000)
  t.strictSame(company.choose(items(3), 50), [{ id: 0 }], 'who has waited longest goes first')
  company.failed([{ id: 0 }])
  t.strictSame(company.choose(items(3), 50), [{ id: 1 }], 'and then nobody is held up by it')
  company.forgive(items(3))
  company.failed([{ id: 0 }])
  pass(1_000)
  t.strictSame(company.choose([{ id: 0 }], 50), [first])
  company.failed([{ id: 0 }])
  t.equal(company.nextMs(), 2_000)
  company.forgive([{ id: 0 }])
  t.equal(company.nextMs(), Number.POSITIVE_INFINITY)
  t.strictSame(company.choose(items(3), 2), items(2))
  t.end()
})

t.test('who rests is left out until then, in whatever company afterwards', (t) => {
  const { company, pass } = setUp()
  company.rest(items(3), 500)
  t.strictSame(company.choose(items(3), 50), [])
  t.equal(company.size, 3)
  pass(500)
  t.strictSame(company.choose(items(3), 50), items(3))
  company.part([{ id: 1 }])
  t.strictSame(company.choose(items(3), 50), [{ id: 0 }], 'nobody is with one who goes alone')
  t.strictSame(company.choose([{ id: 1 }, { id: 2 }], 50), [{ id: 1 }])
  t.end()
})
