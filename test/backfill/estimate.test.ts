import t from 'tap'
import { estimateTotal } from '../../src/backfill/estimate.ts'

const NOW = Date.UTC(2026, 7, 31, 15, 30)
const { signal } = new AbortController()
const estimate = (count: number | null | Error, last: number | null | Error) => {
  const asked: string[] = []
  const answer = async <T>(value: T | Error): Promise<T> => {
    if (value instanceof Error) throw value
    return value
  }
  const line = {
    followerCount(date: string) {
      asked.push(date)
      return answer(count)
    },
  }
  const ledger = { lastListed: () => answer(last) }
  return estimateTotal(line, ledger, { channel: 'default', signal, now: NOW }).then((total) => ({
    total,
    asked,
  }))
}

t.test(
  "the total is LINE's count of the day before, in Japan's time, else that of the last run",
  async (t) => {
    t.strictSame(await estimate(100, 90), { total: 100, asked: ['20260831'] }, 'in Japan it is September')
    t.match(await estimate(null, 90), { total: 90 })
    t.match(await estimate(new Error('403'), 90), { total: 90 })
    t.match(await estimate(new Error('403'), null), { total: null })
    t.match(await estimate(null, new Error('closed')), { total: null }, 'it is only for the eye')
  },
)
