import t from 'tap'
import type { StoredLink } from '../../src/ledger/ledger.ts'
import { exportLinks } from '../../src/links/export.ts'

const link = (userId: string, externalId: string, channel = 'default'): StoredLink => ({
  channel,
  userId,
  externalId,
  linkedAt: Date.UTC(2026, 8, 1),
  outcome: 'unchanged',
})

async function exported(pages: readonly StoredLink[][], channels = ['default']) {
  let count = 0
  const ledger = {
    async *links(channel: string) {
      for (const page of pages) yield page.filter((link) => link.channel === channel)
    },
  }
  const onLinks = (links: number) => {
    count += links
  }
  const texts = await Array.fromAsync(exportLinks({ ledger, channels, onLinks }))
  return { text: texts.join(''), count }
}

t.test('a CSV that can be imported, with quotes where they must be', async (t) => {
  t.strictSame(await exported([]), { text: 'line_user_id,external_id,linked_at\n', count: 0 })
  const { text, count } = await exported([[link('Ua', 'c1')], [link('Ub', 'a,"b"'), link('Uc', '=1+1')]])
  t.equal(count, 3)
  t.equal(
    text,
    'line_user_id,external_id,linked_at\nUa,c1,2026-09-01T00:00:00.000Z\nUb,"a,""b""",2026-09-01T00:00:00.000Z\nUc,=1+1,2026-09-01T00:00:00.000Z\n',
  )
})

t.test('of several channels, with their names', async (t) => {
  const { text } = await exported([[link('Ua', 'c1', 'jp'), link('Ua', 'c2', 'th')]], ['th', 'jp'])
  t.equal(
    text,
    'line_user_id,external_id,linked_at,channel\nUa,c2,2026-09-01T00:00:00.000Z,th\nUa,c1,2026-09-01T00:00:00.000Z,jp\n',
  )
})
