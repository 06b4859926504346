/** What a query of Prometheus asks for, by Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql'
import { createMetrics, METRICS } from '../../src/http/metrics.ts'

export interface Selector {
  readonly metric: string
  readonly matchers: readonly { readonly label: string; readonly values: readonly string[] }[]
  /** The function that takes it directly, such as `rate`; none where it is taken as it is. */
  readonly taker: string | undefined
}
export interface Query {
  readonly selectors: readonly Selector[]
  /** What `by` and `on` name. */
  readonly labels: readonly string[]
}

/** Reads a query. A variable of a dashboard has to be replaced before. */
export function readQuery(query: string): Query {
  const selectors: Selector[] = []
  const labels: string[] = []
  const cursor = parser.parse(query)
  cursor.iterate({
    enter({ node, type }) {
      const text = (of: { from: number; to: number }) => query.slice(of.from, of.to)
      if (type.isError) throw new Error(`no PromQL at ${node.from}: ${query}`)
      if (type.name === 'GroupingLabels') labels.push(...node.getChildren('LabelName').map(text))
      if (type.name !== 'VectorSelector') return
      const name = node.getChild('Identifier')
      const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
      const range = node.parent?.name === 'MatrixSelector' ? node.parent : node
      const call = range.parent?.name === 'OffsetExpr' ? range.parent.parent?.parent : range.parent?.parent
      const taker = call?.name === 'FunctionCall' ? call.getChild('FunctionIdentifier') : null
      selectors.push({
        metric: name ? text(name) : '',
        matchers: matchers.map((matcher) => ({
          label: text(matcher.getChild('LabelName') ?? matcher),
          values: JSON.parse(text(matcher.getChild('StringLiteral') ?? matcher)).split('|'),
        })),
        taker: taker ? text(taker) : undefined,
      })
    },
  })
  return { selectors, labels }
}

/** The labels that Prometheus gives to whatever it scrapes. */
const OF_THE_TARGET = ['job', 'instance']
/** What Prometheus itself says of targets and alerts. */
const OWN_OF_PROMETHEUS: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertname', 'alertstate', 'severity', 'channel'],
}
const COUNTED = ['rate', 'increase']

/** Every series that `/metrics` can have, with the labels that are ours, and whether it counts up. */
async function known() {
  const page = createMetrics().page({ isDelivering: () => false, channels: [] })
  const { text } = await page(new Error('nobody knows'), true)
  const labelNames = new Map(
    Object.values(METRICS).map((metric): [string, readonly string[]] => [
      metric.name,
      'labelNames' in metric ? metric.labelNames : [],
    ]),
  )
  const series = new Map<string, { readonly labels: readonly string[]; readonly isCounter: boolean }>()
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const labels = labelNames.get(name) ?? []
    if (type === 'histogram') {
      series.set(`${name}_bucket`, { labels: [...labels, 'le'], isCounter: true })
      for (const part of ['sum', 'count']) series.set(`${name}_${part}`, { labels, isCounter: true })
    } else series.set(name, { labels, isCounter: type === 'counter' })
  }
  for (const [name, labels] of Object.entries(OWN_OF_PROMETHEUS))
    series.set(name, { labels, isCounter: false })
  return series
}
const series = await known()

/** What a query asks for that there is not, or takes for what it is not. */
export function faultsOf(query: string): string[] {
  const { selectors, labels } = readQuery(query)
  const faults = selectors.flatMap(({ metric, matchers, taker }) => {
    const found = series.get(metric)
    if (!found) return [`there is no metric ${metric}`]
    const strange = matchers.filter(({ label }) => ![...found.labels, ...OF_THE_TARGET].includes(label))
    return [
      ...strange.map(({ label }) => `${metric} has no label ${label}`),
      ...(found.isCounter && !COUNTED.includes(taker ?? '') ? [`${metric} counts up: ask for its rate`] : []),
      ...(!found.isCounter && COUNTED.includes(taker ?? '') ? [`${metric} does not count up`] : []),
    ]
  })
  const all = selectors.flatMap(({ metric }) => series.get(metric)?.labels ?? [])
  const strange = labels.filter((label) => ![...all, ...OF_THE_TARGET].includes(label))
  return [...faults, ...strange.map((label) => `nothing has the label ${label}`)]
}
