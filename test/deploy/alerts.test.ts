import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { METRICS } from '../../src/http/metrics.ts'
import { ROOT } from '../harness/process.ts'
import { CASES, HEALTHY } from './alert-cases.ts'
import { read } from './described.ts'
import { faultsOf, readQuery } from './promql.ts'
import { promtool, withoutPromtool } from './promtool.ts'

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook: string }
}
const RULES = resolve(ROOT, 'deploy/alerts.yaml')
const { groups }: { groups: { rules: Alert[] }[] } = parse(read('deploy/alerts.yaml'))
const alerts = groups.flatMap(({ rules }) => rules)

t.test('the reader of queries finds what there is not', async (t) => {
  t.strictSame(readQuery('sum by (job) (rate(a_total{x=~"1|2"}[5m] offset 1w))').selectors, [
    { metric: 'a_total', matchers: [{ label: 'x', values: ['1', '2'] }], taker: 'rate' },
  ])
  for (const [query, fault] of [
    ['line_braze_webhook_total', 'there is no metric line_braze_webhook_total'],
    ['rate(line_braze_webhooks_total{kind="a"}[5m])', 'line_braze_webhooks_total has no label kind'],
    ['sum by (outcome) (line_braze_failed)', 'nothing has the label outcome'],
    ['line_braze_webhooks_total > 5', 'line_braze_webhooks_total counts up: ask for its rate'],
    ['increase(line_braze_failed[5m])', 'line_braze_failed does not count up'],
  ] as const)
    t.strictSame(faultsOf(query), [fault])
  t.throws(() => readQuery('sum by (job (up)'))
})

t.test('rules use only metrics and labels that there are, and values that they can have', async (t) => {
  t.ok(alerts.length > 15)
  const helpOf = new Map(Object.values(METRICS).map(({ name, help }): [string, string] => [name, help]))
  for (const { alert, expr } of alerts) {
    t.strictSame(faultsOf(expr), [], alert)
    for (const { metric, matchers } of readQuery(expr).selectors)
      for (const { label, values } of matchers.filter(({ label }) => label === 'outcome'))
        for (const value of values)
          t.match(helpOf.get(metric), new RegExp(`\\b${value}\\b`), `${alert}: ${label} ${value}`)
  }
})

t.test('each says how bad it is, waits before it fires, and names its paragraph', async (t) => {
  for (const alert of alerts) {
    t.match(alert.alert, /^LineBraze[A-Z]\w+$/)
    t.ok(['critical', 'warning'].includes(alert.labels.severity), alert.alert)
    t.match(alert.for, /^\d+[mh]$/, alert.alert)
    t.match(alert.annotations, {
      summary: /\.$/,
      runbook: `docs/operations.md#${alert.alert.toLowerCase()}`,
    })
  }
})

t.test(
  'docs/operations.md has a paragraph for each, and for no other: what it means, and what to do',
  async (t) => {
    const [, section = ''] = /^## Alerts\n(.*?)(?=^## )/ms.exec(read('docs/operations.md')) ?? []
    const [, ...paragraphs] = section.split(/^### /m)
    const names = paragraphs.map((text) => text.slice(0, text.indexOf('\n')))
    t.strictSame(
      names,
      alerts.map(({ alert }) => alert),
      'in the order of the rules',
    )
    for (const text of paragraphs) t.match(text, /\n\n\S.+\*Look:\*\s.+\*Do:\*\s\S/s, text)
  },
)

t.test(
  'each has a case that fires and one that is near, with the labels that its summary names',
  async (t) => {
    t.strictSame(Object.keys(CASES).sort(), alerts.map(({ alert }) => alert).sort())
    for (const { alert, annotations } of alerts) {
      t.ok(Object.keys(CASES[alert]?.quiet ?? {}).length > 0, alert)
      // Prometheus puts nothing in the place of a label that is not there.
      for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
        t.ok(label in (CASES[alert]?.labels ?? {}), `${alert}: ${label}`)
    }
  },
)

const firing = (alert: string) => `ALERTS{alertname="${alert}",alertstate="firing"}`
/** A test of promtool's: of what was scraped, each query has at each of these moments these samples. */
const test = (
  scraped: Readonly<Record<string, string>>,
  minutes: readonly number[],
  expected: Readonly<Record<string, readonly object[]>>,
  stepMinutes = 1,
) => ({
  interval: `${stepMinutes}m`,
  input_series: Object.entries(scraped).map(([series, values]) => ({ series, values })),
  promql_expr_test: minutes.flatMap((minute) =>
    Object.entries(expected).map(([expr, exp_samples]) => ({ expr, eval_time: `${minute}m`, exp_samples })),
  ),
})
/** Asks promtool whether these rules do as the tests say. */
function check(folder: string, rules: readonly Alert[], tests: readonly object[], stepMinutes = 1) {
  const files = ['rules.json', 'tests.json'].map((name) => join(folder, name)) as [string, string]
  writeFileSync(files[0], JSON.stringify({ groups: [{ name: 'line-braze', rules }] }))
  const means = { rule_files: [files[0]], evaluation_interval: `${stepMinutes}m` }
  writeFileSync(files[1], JSON.stringify({ ...means, tests }))
  return promtool('test', 'rules', files[1])
}

t.test('promtool finds every rule right', { skip: withoutPromtool }, async (t) => {
  const { isFine, said } = await promtool('check', 'rules', RULES)
  t.ok(isFine, said)
  t.match(said, `${alerts.length} rules found`)
})

t.test(
  'each rule fires by what it is for, and not by what is near it',
  { skip: withoutPromtool },
  async (t) => {
    const folder = t.testdir({})
    for (const rule of alerts) {
      const { alert, labels } = rule
      const own = CASES[alert]
      if (!own) return t.fail(alert)
      const { fires, orFires = fires, firesAt, quiet, steps, stepMinutes = 1 } = own
      const pairs = Object.entries({ ...own.labels, ...labels }).map(([name, value]) => `${name}="${value}"`)
      const fired = { labels: firing(alert).replace('}', `,${pairs.join(',')}}`), value: 1 }
      const expect = (scraped: typeof fires, step: number, samples: readonly object[]) =>
        test(scraped, [step * stepMinutes], { [firing(alert)]: samples }, stepMinutes)
      const loud = [fires, orFires].flatMap((scraped) =>
        [firesAt, steps].map((step) => expect(scraped, step, [fired])),
      )
      const silent = Object.values(quiet).map((scraped) => expect(scraped, steps, []))
      const tests = [...loud, expect(fires, firesAt - 1, []), ...silent]
      const { said, isFine } = await check(folder, [rule], tests, stepMinutes)
      t.ok(isFine, `${alert}: ${said}`)
      if (rule !== alerts[0]) continue
      const wrong = await check(folder, [rule], [expect(fires, steps, [])])
      t.notOk(wrong.isFine, 'promtool does say what is wrong')
    }
  },
)

t.test('in a night in which all is well none fires', { skip: withoutPromtool }, async (t) => {
  const quiet = Object.fromEntries(alerts.map(({ alert }) => [firing(alert), []]))
  const minutes = [30, 199, 202, 205, 220, 380, 480]
  const { isFine, said } = await check(t.testdir({}), alerts, [test(HEALTHY, minutes, quiet)])
  t.ok(isFine, said)
})
