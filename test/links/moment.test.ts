import t from 'tap'
import { readMoment, usableMoment } from '../../src/links/moment.ts'

const NOW = Date.UTC(2026, 8, 2)
const AT = Date.UTC(2026, 8, 1, 12)

t.test('ISO 8601 with a time zone, and milliseconds', async (t) => {
  for (const text of [
    '2026-09-01T12:00:00Z',
    '2026-09-01T12:00:00.000Z',
    '2026-09-01t12:00z',
    '2026-09-01T21:00:00+09:00',
    '2026-09-01T21:00:00.000000+0900',
    '2026-09-01 12:00:00+00',
    '2026-09-01 12:00:00 -00:00',
    String(AT),
  ])
    t.equal(readMoment(text, NOW), AT, text)
  t.equal(readMoment(String(NOW), NOW), NOW, 'now is no future')
})

t.test('what is no moment', async (t) => {
  for (const text of [
    'yesterday',
    '2026-09-01',
    '2026-09-01T12:00:00',
    '2026-02-31T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-09-01T25:00:00Z',
    '01/09/2026 12:00',
    '-1',
    '1e12',
    '1.7E+12',
    ' ',
  ])
    t.match(readMoment(text, NOW), /^must be ISO 8601 with a time zone/, text)
  for (const text of ['2026-09-02T00:00:00.001Z', String(NOW + 1), '9999-01-01T00:00:00Z', String(AT * 1000)])
    t.equal(readMoment(text, NOW), 'is in the future', text)
  for (const text of ['2011-05-31T23:59:59Z', '0', String(AT / 1000)])
    t.match(readMoment(text, NOW), /^is before June 2011, .*in seconds/, text)
})

t.test("a file's date counts, where it can be one", async (t) => {
  t.equal(usableMoment(AT, NOW), AT)
  t.equal(usableMoment(null, NOW), NOW)
  t.equal(usableMoment(NOW + 5, NOW), NOW)
  t.equal(usableMoment(0, NOW), Date.UTC(2011, 5, 1))
})
