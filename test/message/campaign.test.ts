import t from 'tap'
import { messageOf } from '../../src/message/kinds.ts'
import { webhookFor } from '../../src/message/webhook.ts'
import { startBrazeSandbox } from '../../src/sandbox/braze/braze.ts'
import { startLineApiSandbox } from '../../src/sandbox/line/api.ts'
import { longUsers } from '../harness/people.ts'

const PUSH = '/v2/bot/message/push'
const people = longUsers(10).map((userId) => userId.toLowerCase().replace('u', 'U'))
const message = (text: string) =>
  messageOf('carousel', {
    altText: text,
    columns: [{ title: 'Tea', text, actions: [{ type: 'uri', label: 'Buy', uri: 'https://example.com/' }] }],
  })
const webhook = (text: string) =>
  webhookFor(message(text), {
    url: `https://api.line.me${PUSH}`,
    attribute: 'line_id',
    tokenBlock: 'Token',
    unit: 'spring',
  })

t.test(
  'a campaign of the sandbox Braze: each person gets each message once, whatever Braze has to repeat',
  async (t) => {
    const line = await startLineApiSandbox({ followers: people })
    const braze = await startBrazeSandbox()
    t.teardown(() => Promise.all([line.close(), braze.close()]))
    line.demandUuidVersions(true)
    braze.createContentBlock('Token', `${line.token}\n`)
    for (const userId of people) braze.createProfile(userId, { line_id: userId, name: '"A"\n\\😀' })
    braze.createProfile('nobody', { line_id: ' ', name: 'x' })
    const hosts = { 'api.line.me': line.url }

    for (const [number, text] of [
      'For {{custom_attribute.${name}}}',
      'And {{custom_attribute.${name}}}',
    ].entries()) {
      line.answerNextOf(PUSH, { status: 500 }, 3)
      const result = await braze.sendCampaign(webhook(text), { hosts, renderAgain: true })
      t.match(result, { people: 10, received: 10, failed: 0, aborted: 0, retries: 3 })
      t.strictSame([...line.received.values()], Array(10).fill(number + 1))
    }
    t.equal(new Set(line.pushes.map(({ retryKey }) => retryKey)).size, 20)
    t.equal(line.units.get('spring'), 20)
  },
)
