import t from 'tap'
import { type Bar, createBars } from '../../src/terminal/bars.ts'
import { duration } from '../../src/terminal/numbers.ts'

/** Bars on a clock that the test moves. */
function setUp(bars: () => Bar[]) {
  let now = 0
  const view = createBars(bars, { monotonic: () => now })
  return {
    view,
    later: (ms: number) => {
      now += ms
    },
  }
}

t.test('value, rate and time left', async (t) => {
  let value = 0
  const { view, later } = setUp(() => [
    { name: 'listed', value, total: 1_000_000, isAbout: true },
    { name: 'delivered', value: value / 2, total: value },
  ])
  t.equal(view.line(), 'listed 0 of ~1,000,000, delivered 0 of 0')
  value = 20_000
  later(1_000)
  t.equal(
    view.line(),
    'listed 20,000 of ~1,000,000 (20,000/s, 0:49 left), delivered 10,000 of 20,000 (10,000/s, 0:01 left)',
  )
  t.strictSame(view.frame(), [
    '  listed     ░░░░░░░░░░░░░░░░  20,000 of ~1,000,000        20,000/s     0:49',
    '  delivered  ████████░░░░░░░░  10,000 of 20,000            10,000/s     0:01',
  ])
})

t.test('the rate is that of the last ten seconds', async (t) => {
  let value = 0
  const { view, later } = setUp(() => [{ name: 'x', value, total: null }])
  for (let second = 0; second < 30; second++) {
    view.line()
    value += second < 15 ? 100 : 10
    later(1_000)
  }
  t.equal(view.line(), 'x 1,650 (10/s)')
})

t.test('an estimate that was passed is not shown, and an empty whole is full', async (t) => {
  const { view } = setUp(() => [
    { name: 'listed', value: 12, total: 10, isAbout: true },
    { name: 'delivered', value: 0, total: 0 },
    { name: 'unknown', value: 5, total: null },
  ])
  t.equal(view.line(), 'listed 12, delivered 0 of 0, unknown 5')
  t.match(view.frame(), [/█{16} {2}12/, /█{16} {2}0 of 0/, /░{16} {2}5/])
})

t.test('no line is wider than 80 columns', async (t) => {
  let value = 8_888_888
  const { view, later } = setUp(() => [{ name: 'delivered', value, total: 99_999_999, isAbout: true }])
  view.frame()
  later(10)
  value += 9_000
  for (const line of view.frame()) t.ok(line.length <= 80, `${line.length}: ${line}`)
})

t.test('durations', async (t) => {
  t.equal(duration(0.2), '0:01')
  t.equal(duration(59.5), '1:00')
  t.equal(duration(3_599), '59:59')
  t.equal(duration(36_610), '10:10:10')
})

t.test('what they are of, and a rate of its own for each', async (t) => {
  let [now, value, title] = [0, 0, 'shop (1 of 2)']
  const view = createBars(() => [{ name: 'listed', value, total: 100 }], {
    title: () => title,
    monotonic: () => now,
  })
  t.equal(view.line(), 'shop (1 of 2): listed 0 of 100')
  ;[now, value] = [1_000, 50]
  t.equal(view.line(), 'shop (1 of 2): listed 50 of 100 (50/s, 0:01 left)')
  ;[now, value, title] = [2_000, 10, 'cafe (2 of 2)']
  t.strictSame(view.frame(), [
    '  cafe (2 of 2)',
    `  listed     █░░░░░░░░░░░░░░░  10 of 100${' '.repeat(36)}`.slice(0, 75).padEnd(76),
  ])
})
