import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { METRICS } from '../../src/http/metrics.ts'
import { read } from './described.ts'
import { faultsOf, readQuery } from './promql.ts'
import { promtool, withoutPromtool } from './promtool.ts'
import { typeFaults } from './type-faults.ts'

interface Source {
  readonly uid: string
}
interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: Source
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string; readonly custom?: object } }
  readonly options?: object
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly datasource: Source }[]
}
interface Dashboard {
  readonly panels: readonly Panel[]
  readonly annotations: { readonly list: readonly { readonly expr: string; readonly datasource: Source }[] }
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { readonly query: string } }[]
  }
}
const text = read('deploy/grafana-dashboard.json')
const dashboard: Dashboard = JSON.parse(text)
const { panels, annotations, templating } = dashboard
const shown = panels.filter(({ type }) => type !== 'row')

/** What the values of a variable are taken from. */
const seriesOf = (query: string) => /^label_values\((.*), \w+\)$/.exec(query)?.[1] ?? query

/** Every query, with values in the place of variables. */
const queries = [
  ...shown.flatMap(({ targets = [] }) => targets),
  ...annotations.list,
  ...templating.list.flatMap(({ query }) =>
    typeof query === 'string' ? [] : [{ expr: seriesOf(query.query) }],
  ),
].map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(job|channel)/g, 'a'))

/** Where Grafana's schema has the options of each kind of panel, and of its fields. */
const KINDS: Readonly<Record<string, { readonly file: string; readonly fields: boolean }>> = {
  stat: { file: 'stat/panelcfg/x/StatPanelCfg', fields: false },
  gauge: { file: 'gauge/panelcfg/x/GaugePanelCfg', fields: false },
  table: { file: 'table/panelcfg/x/TablePanelCfg', fields: true },
  timeseries: { file: 'timeseries/panelcfg/x/TimeSeriesPanelCfg', fields: true },
  'state-timeline': { file: 'statetimeline/panelcfg/x/StateTimelinePanelCfg', fields: true },
}

/** A source that TypeScript takes if a dashboard is as Grafana's schema says. Enumerations are strings in JSON. */
const typed = (model: object, of: readonly Panel[]) => `
import type { AnnotationQuery, Dashboard } from '@grafana/schema'
type Plain<T> = T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]?: Plain<T[K]> } : T
// What the data source for Prometheus adds.
type Annotation = Plain<AnnotationQuery> & Record<'expr' | 'step' | 'titleFormat' | 'textFormat', string>
type Whole = Omit<Plain<Dashboard>, 'annotations'> & { annotations?: { list: Annotation[] } }
export const dashboard: Whole = ${JSON.stringify(model)}
${of
  .map(({ id, type, options, fieldConfig }) => {
    const kind = KINDS[type]
    const from = `import('@grafana/schema/dist/esm/raw/composable/${kind?.file}_types.gen')`
    const custom = kind?.fields ? `Plain<${from}.FieldConfig>` : 'undefined'
    return `export const options${id}: Plain<${from}.Options> = ${JSON.stringify(options)}
export const fields${id}: ${custom} = ${JSON.stringify(fieldConfig?.defaults.custom)}`
  })
  .join('\n')}
`

t.test('it is what the schema of Grafana says, with every option of its panels', async (t) => {
  const [first] = shown
  if (!first) return t.fail('no panel')
  const folder = t.testdir({
    'right.ts': typed(dashboard, shown),
    'wrong.ts': typed({ panels: [{ ...first, gridpos: {} }] }, [
      { ...first, options: { colorMod: 'value' } },
    ]),
  })
  const faults = await typeFaults(folder, ['right.ts', 'wrong.ts'])
  t.strictSame(
    faults.filter((line) => !line.startsWith('wrong.ts')),
    [],
  )
  t.match(faults.join('\n'), /gridpos.*colorMod/s)
})

t.test('each panel has an id, a place of its own, a unit, and what it shows', async (t) => {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  t.equal(new Set(shown.map(({ type }) => type)).size, Object.keys(KINDS).length)
  const taken = new Map<string, string>()
  for (const { title, gridPos } of panels) {
    const { x, y, w, h } = gridPos
    t.ok(x >= 0 && x + w <= 24, title)
    for (let column = x; column < x + w; column++)
      for (let line = y; line < y + h; line++) {
        const place = `${column} ${line}`
        if (taken.has(place)) t.fail(`${title} lies over ${taken.get(place)}`)
        taken.set(place, title)
      }
  }
  for (const { title, type, targets = [], fieldConfig, datasource } of shown) {
    t.ok(targets.length > 0, title)
    if (!['table', 'state-timeline'].includes(type)) t.ok(fieldConfig?.defaults.unit, title)
    for (const source of [datasource, ...targets.map((target) => target.datasource)])
      t.equal(source?.uid, '${datasource}', title)
  }
})

t.test('its variables are those that queries name: source, job and channels', async (t) => {
  t.strictSame(
    templating.list.map(({ name }) => name),
    ['datasource', 'job', 'channel'],
  )
  const named = [...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name)
  t.strictSame([...new Set(named)].sort(), ['__all', '__rate_interval', 'channel', 'datasource', 'job'])
})

t.test('queries use only metrics and labels that there are, and each of ours is shown', async (t) => {
  t.ok(queries.length > 30)
  for (const query of queries) t.strictSame(faultsOf(query), [], query)
  const asked = queries.flatMap((query) => readQuery(query).selectors.map(({ metric }) => metric))
  for (const { name } of Object.values(METRICS))
    t.ok(
      asked.some((metric) => metric.replace(/_(bucket|sum|count)$/, '') === name),
      name,
    )
})

t.test('promtool finds every query right', { skip: withoutPromtool }, async (t) => {
  const file = join(t.testdir({}), 'queries.json')
  const rules = queries.map((expr, i) => ({ record: `query_${i}`, expr }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  const { isFine, said } = await promtool('check', 'rules', file)
  t.ok(isFine, said)
  t.match(said, `${queries.length} rules found`)
})
