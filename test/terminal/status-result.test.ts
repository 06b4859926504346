import t from 'tap'
import type { ChannelStanding, RunStanding, Standing } from '../../src/desk/status.ts'
import { reportOfStanding, type Shown, viewOfStanding } from '../../src/terminal/status-result.ts'

const NOW = Date.UTC(2027, 0, 10, 18)
const iso = (agoMs: number) => new Date(NOW - agoMs).toISOString()

const channel = (more: Partial<ChannelStanding> = {}): ChannelStanding => ({
  channel: 'default',
  friend: 1_200,
  messager: 34,
  gone: 1,
  pending: 0,
  failed: 0,
  linked: 5,
  waiting: 0,
  lastWebhookAt: iso(3_000),
  lastDeliveryAt: null,
  token: null,
  ...more,
})
const run = (more: Partial<RunStanding> = {}): RunStanding => ({
  id: 7,
  kind: 'backfill',
  channel: 'default',
  state: 'listing',
  beganAt: iso(120_000),
  endedAt: null,
  pages: 1,
  listed: 1_000,
  known: 5_000,
  added: 2,
  returned: 0,
  gone: 0,
  ...more,
})
const shown = (more: Partial<Standing> = {}, rest: Partial<Shown> = {}): Shown => ({
  standing: {
    at: iso(0),
    channels: [channel()],
    pending: 0,
    oldestPendingSeconds: null,
    forgetting: { open: 0, oldestSeconds: 0 },
    failed: 0,
    delivery: { state: 'delivering', reason: null, server: 's', seenSeconds: 1, isSilent: false },
    servers: [],
    runs: [],
    growth: null,
    ...more,
  },
  quotas: [],
  trouble: null,
  ...rest,
})
const text = (...more: Parameters<typeof shown>) => reportOfStanding(shown(...more), false).text

t.test('tokens, links that wait, quotas', async (t) => {
  const more = { channels: [channel({ waiting: 2, token: { keyId: 'k', secondsLeft: 86_400 * 29 } })] }
  const quota = (limit: number | null) => ({ channel: 'default', quota: { limit, used: 20 }, problem: null })
  t.match(text(more), /^ {2}linked {5}5; Braze does not know 2 customers of those who are linked$/m)
  t.match(text(more), /^ {2}token {6}k is in Braze, and ends in 29 days$/m)
  t.match(
    text({}, { quotas: [quota(null)] }),
    /quota {6}20 messages sent this month, about; there is no limit$/m,
  )
  t.match(text({}, { quotas: [quota(10)] }), /quota {6}0 of 10 messages of this month are left, about$/m)
})

t.test('who is being forgotten', async (t) => {
  t.notMatch(text(), /forgotten/)
  t.match(
    text({ forgetting: { open: 1, oldestSeconds: 7_200 } }),
    /^1 contact is being forgotten, since 2 hours ago\.$/m,
  )
  t.match(text({ forgetting: { open: 2, oldestSeconds: 7_200 } }), /^2 contacts are being forgotten, /m)
})

t.test('runs, and servers that have gone silent', async (t) => {
  const runs = [
    run(),
    run({ id: 6, kind: 'links', state: 'complete', endedAt: iso(3 * 3_600_000) }),
    run({ id: 5, state: 'abandoned', beganAt: null }),
    ...[4, 3, 2].map((id) => run({ id })),
  ]
  const servers = [
    {
      id: 's',
      version: '1',
      state: 'delivering',
      reason: null,
      startedAt: iso(7_200_000),
      seenAt: iso(0),
      isSilent: false,
    },
    {
      id: 'r',
      version: '1',
      state: 'standby',
      reason: null,
      startedAt: iso(7_200_000),
      seenAt: iso(90_000),
      isSilent: true,
    },
  ]
  t.match(
    text({ runs, servers }),
    `
Servers:
  s  1, up 2 hours, delivering
  r  1, up 2 hours, silent since 90 seconds

Last runs:
  7  backfill of default, under way, began 2 minutes ago: 1,000 listed, 2 new, 0 returned, 0 gone
  6  links of default, complete 3 hours ago
  5  backfill of default, abandoned: 1,000 listed, 2 new, 0 returned, 0 gone
`,
  )
  t.notMatch(text({ runs }), /^ {2}2 {2}/m, 'five are enough')
})

t.test('a frame is no higher than the terminal', async (t) => {
  const channels = Array.from({ length: 9 }, (_, i) => channel({ channel: `c${i}` }))
  const frame = viewOfStanding(shown({ channels }), () => ({ rows: 20, columns: 80 })).frame()
  t.equal(frame.length, 19)
  t.match(frame.at(-2), /^… \d+ more lines without --watch$/)
  t.equal(frame.at(-1), 'Ctrl-C ends this.')
  const high = viewOfStanding(shown({ channels }, { trouble: 'no disk' }), () => ({
    rows: 200,
    columns: 80,
  })).frame()
  t.match(high.at(-1), 'no disk')
  t.notMatch(high.join('\n'), '…')
})

t.test('on a narrow terminal the reason is not cut off', async (t) => {
  const reason = 'Braze answers 401: check BRAZE_API_KEY, and that BRAZE_REST_ENDPOINT is the instance'
  const delivery = { state: 'paused', reason, server: 's', seenSeconds: 1, isSilent: false } as const
  const view = viewOfStanding(shown({ delivery }), () => ({
    rows: 50,
    columns: 60,
  }))
  const frame = view.frame()
  t.match(frame.join(' ').replace(/ +/g, ' '), reason)
  for (const line of frame) t.ok(line.length < 60, line)
})

t.test('a line, where there is no terminal', async (t) => {
  const view = viewOfStanding(shown({ pending: 3, failed: 2 }, { trouble: 'no disk' }), () => ({
    rows: 20,
    columns: 80,
  }))
  t.equal(view.line(), '1,234 reachable, 3 pending, 2 rejected, delivery: delivering (no disk)')
})

t.test('before anything was read', async (t) => {
  const nothing: Shown = { standing: null, quotas: [], trouble: null }
  t.strictSame(reportOfStanding(nothing, false), {
    result: {},
    text: '',
    interrupted: 'Interrupted; nothing was changed.',
  })
  t.equal(viewOfStanding(nothing, () => ({ rows: 20, columns: 80 })).line(), '')
})
