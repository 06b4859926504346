import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { createCli } from '../../src/cli.ts'
import { loadSettings } from '../../src/config/load.ts'
import { ROUTES, webhookPaths } from '../../src/http/routes.ts'
import * as described from './described.ts'
import { typeFaults } from './type-faults.ts'

type Labels = Readonly<Record<string, string>>
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}
interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly envFrom: readonly [{ readonly configMapRef: { readonly name: string } }]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
}
interface Pod {
  readonly metadata: { readonly labels: Labels }
  readonly spec: {
    readonly containers: readonly [Container]
    readonly terminationGracePeriodSeconds: number
    readonly volumes: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[]
  }
}
interface Spec {
  readonly template: Pod
  readonly jobTemplate: { readonly spec: { readonly template: Pod } }
  readonly selector: Labels & { readonly matchLabels: Labels }
  readonly ports: readonly { readonly name: string; readonly targetPort: string }[]
}
interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: Spec
  readonly data: described.Variables
  readonly stringData: described.Variables
}

const manifests = described.manifestFiles().flatMap((file) =>
  // As Kubernetes reads it: 0440 is a mode.
  parseAllDocuments(described.read(file), { version: '1.1' }).map(
    (document): Manifest & { file: string } => ({ file, ...document.toJS() }),
  ),
)
function the(kind: string, name = /^/): Manifest {
  const [manifest, ...others] = manifests.filter((it) => it.kind === kind && name.test(it.metadata.name))
  if (!manifest || others.length > 0) throw new Error(`not one ${kind}`)
  return manifest
}
const server = the('Deployment').spec.template
const backfill = the('CronJob').spec.jobTemplate.spec.template
const pods = [server, backfill]
const variables = the('ConfigMap').data
const module = ({ apiVersion, kind }: Manifest) => `kubernetes-models/${apiVersion}/${kind}`

t.test('every manifest is valid by the schemas of Kubernetes', async (t) => {
  t.ok(manifests.length >= 8)
  for (const { file, ...manifest } of manifests) {
    const { [manifest.kind]: Model } = await import(module(manifest))
    t.doesNotThrow(() => new Model(manifest).validate(), file)
  }
})

t.test('no manifest has a field that Kubernetes does not know, which its schemas let through', async (t) => {
  const source = ({ file, ...manifest }: Manifest & { file: string }, i: number) =>
    `import type { I${manifest.kind} as I${i} } from '${module(manifest)}'\nexport const m${i}: I${i} = ${JSON.stringify(manifest)}\n`
  const [first] = manifests
  if (!first) throw new Error('no manifest')
  const folder = t.testdir({
    'right.ts': manifests.map(source).join(''),
    'wrong.ts': source({ ...first, metadata: { ...first.metadata, ...{ lables: {} } } }, 0),
  })
  const said = await typeFaults(folder, ['right.ts', 'wrong.ts'])
  t.strictSame(
    said.filter((line) => !line.startsWith('wrong.ts')),
    [],
  )
  t.match(said.join('\n'), /^wrong\.ts.*lables/)
})

t.test('every variable is a setting, and the settings are complete', async (t) => {
  t.strictSame(described.notSettings(variables), [])
  for (const { spec } of pods)
    t.equal(spec.containers[0].envFrom[0].configMapRef.name, the('ConfigMap').metadata.name)
  const settings = loadSettings(described.environmentIn(t.testdir(described.SECRETS), variables))
  t.match(settings, described.SECRETS)
})

t.test(
  'the Secret is a template without values, and its keys are the files that the settings name',
  async (t) => {
    const { metadata, stringData } = the('Secret')
    t.strictSame([...new Set(Object.values(stringData))], [''])
    for (const { spec } of pods) {
      const volume = spec.volumes.find(({ secret }) => secret?.secretName === metadata.name)
      const mount = spec.containers[0].volumeMounts.find(({ name }) => name === volume?.name)
      const files = Object.keys(stringData).map((key) => `${mount?.mountPath}/${key}`)
      t.strictSame(described.secretsIn(variables).sort(), files.sort())
    }
  },
)

t.test(
  'both run this version of the image by its own entry point, with a command that there is, confined',
  async (t) => {
    const commands = createCli().commands.map((command) => command.name())
    for (const { spec } of pods) {
      const [container] = spec.containers
      t.equal(container.image.split('/').at(-1), `line-braze:${described.PACKAGE.version}`)
      t.ok(commands.includes(container.args[0] ?? ''))
      t.notOk('command' in container)
      t.match(container, {
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        },
      })
      const securityContext = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
      t.match(spec, { securityContext, automountServiceAccountToken: false, enableServiceLinks: false })
    }
  },
)

t.test('probes ask the private port, and the pages that there are', async (t) => {
  const [container] = server.spec.containers
  const asked = ({ url: path }: { url: string }) => ({ httpGet: { path, port: 'private' } })
  t.match(container.readinessProbe, asked(ROUTES.ready))
  for (const probe of [container.livenessProbe, container.startupProbe]) t.match(probe, asked(ROUTES.live))
  const ports = container.ports?.map(({ name, containerPort }) => [name, String(containerPort)])
  t.strictSame(ports, [
    ['webhooks', String(described.DEFAULTS.PORT)],
    ['private', variables.PRIVATE_PORT],
  ])
})

t.test('the Ingress leads to the webhooks alone', async (t) => {
  const { metadata, spec } = the('Service', /^line-braze$/)
  t.match(spec.ports, [{ name: 'webhooks', targetPort: 'webhooks' }])
  t.equal(spec.ports.length, 1)
  const service = { name: metadata.name, port: { name: 'webhooks' } }
  const paths = [{ path: webhookPaths('default')[0], pathType: 'Prefix', backend: { service } }]
  t.match(the('Ingress').spec, { rules: [{ http: { paths } }] })
  t.match(the('Service', /private/).spec.ports, [{ targetPort: 'private' }])
})

t.test('what selects the servers selects no backfill', async (t) => {
  const selects = (selector: Labels, { metadata }: Pod) =>
    Object.entries(selector).every(([name, value]) => metadata.labels[name] === value)
  const services = manifests.filter(({ kind }) => kind === 'Service').map(({ spec }) => spec.selector)
  const matching = ['Deployment', 'PodDisruptionBudget'].map((kind) => the(kind).spec.selector.matchLabels)
  for (const selector of [...services, ...matching])
    t.strictSame(
      pods.map((pod) => selects(selector, pod)),
      [true, false],
    )
})

t.test('a stop has the time that it takes', async (t) => {
  for (const { spec } of pods) {
    const before = spec.containers[0].lifecycle?.preStop.sleep.seconds ?? 0
    t.ok(spec.terminationGracePeriodSeconds >= before + described.STOP_SECONDS)
  }
})
