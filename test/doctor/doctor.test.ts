import t from 'tap'
import { ok } from '../../src/doctor/check.ts'
import { type ClockReading, checkClock, readClock } from '../../src/doctor/clock.ts'
import { checkDisk } from '../../src/doctor/database.ts'
import { examine } from '../../src/doctor/doctor.ts'

const never = () => new Promise<never>(() => {})
const signal = new AbortController().signal

t.test('what hangs, or fails, keeps nothing else from being checked', async (t) => {
  let isAborted = false
  const checks = await examine(
    [
      {
        name: 'hangs',
        check(signal) {
          signal.addEventListener('abort', () => {
            isAborted = true
          })
          return never()
        },
      },
      { name: 'works', channel: 'cafe', check: async () => [ok('works', 'Well.')] },
      { name: 'fails', check: async () => Promise.reject(new Error('no')) },
    ],
    { limitMs: 5, signal },
  )
  t.match(checks, [
    { name: 'hangs', status: 'not checked', message: 'It has not answered within 0.005 seconds.' },
    { name: 'works', channel: 'cafe', status: 'ok' },
    { name: 'fails', status: 'not checked', message: 'It cannot be checked: no.' },
  ])
  t.equal(isAborted, true, 'and is given up')
})

t.test('somebody who asks for an end gets it', async (t) => {
  const end = new AbortController()
  const examined = examine([{ name: 'hangs', check: never }], { limitMs: 60_000, signal: end.signal })
  end.abort(new Error('interrupted'))
  await t.rejects(examined, { message: 'interrupted' })
})

t.test("another's clock is known within half of the time that it took to ask", async (t) => {
  const date = new Date(1_800_000_000_000).toUTCString()
  t.strictSame(readClock('LINE', { date }, 1_800_000_000_000, 1_800_000_002_000), {
    whose: 'LINE',
    aheadMs: -500,
    byMs: 1_500,
  })
  for (const headers of [{}, { date: 'tomorrow' }]) t.equal(readClock('LINE', headers, 0, 0), undefined)
})

t.test('a clock is judged by whoever is nearest to it, less what cannot be told', async (t) => {
  const off = (whose: string, seconds: number, bySeconds = 1): ClockReading => ({
    whose,
    aheadMs: seconds * 1_000,
    byMs: bySeconds * 1_000,
  })
  t.match(checkClock([]), { status: 'not checked' })
  t.match(checkClock([off('A', 31)]), { status: 'ok' })
  t.match(checkClock([off('A', -40)]), { status: 'warning', message: /40 seconds ahead of A/ })
  t.match(checkClock([off('A', 40, 20)]), { status: 'ok' }, 'the answer took long')
  t.match(checkClock([off('A', 400), off('B', 310)]), {
    status: 'wrong',
    message: /5 minutes behind A and B/,
  })
  t.match(checkClock([off('A', 10_810), off('B', 0)]), {
    status: 'warning',
    message: /agrees with B's, and the Date of A is 3 hours off/,
  })
})

t.test('what Linux calls a network is nothing elsewhere, where nothing is said of it', async (t) => {
  const place = { folder: '/data', type: 0x6969, freeBytes: 20 * 2 ** 30 }
  t.match(checkDisk(place, 'linux'), { status: 'wrong' })
  t.match(checkDisk(place, 'darwin'), { status: 'ok', message: '/data has 20 GiB free.' })
})
