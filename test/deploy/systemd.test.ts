import t from 'tap'
import { createCli } from '../../src/cli.ts'
import { EXIT } from '../../src/process/run.ts'
import { read, STOP_SECONDS } from './described.ts'

const [serve = '', backfill = ''] = ['line-braze.service', 'line-braze-backfill.service'].map((name) =>
  read(`deploy/${name}`),
)
const valueIn = (unit: string, name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]

t.test('both units run a command that there is, and give its stop the time that it takes', async (t) => {
  const commands = createCli().commands.map((command) => command.name())
  for (const unit of [serve, backfill]) {
    t.ok(commands.includes(valueIn(unit, 'ExecStart')?.split('bin/line-braze.js ')[1]?.split(' ')[0] ?? ''))
    t.ok(Number(valueIn(unit, 'TimeoutStopSec')) >= STOP_SECONDS)
  }
})

t.test('both units are the same user in the same folder, confined alike', async (t) => {
  const about =
    /^(User|WorkingDirectory|Environment|StateDirectory\w*|UMask|CapabilityBoundingSet|NoNewPrivileges|P\w+|Restrict\w+|Lock\w+|SystemCall\w+)=.*$/gm
  const settings = serve.match(about) ?? []
  t.ok(settings.length > 20)
  t.strictSame(backfill.match(about), settings)
})

t.test(
  'the server is started again for as long as it takes, but not with settings that are wrong',
  async (t) => {
    t.equal(valueIn(serve, 'Restart'), 'always')
    t.equal(valueIn(serve, 'StartLimitIntervalSec'), '0')
    t.equal(valueIn(serve, 'RestartPreventExitStatus'), String(EXIT.usage))
  },
)

t.test('sockets by which Node asks for the addresses of the machine are allowed', async (t) => {
  // Fastify does so where it listens on 0.0.0.0, the default of HOST.
  for (const unit of [serve, backfill])
    t.match(valueIn(unit, 'RestrictAddressFamilies')?.split(' '), [
      'AF_INET',
      'AF_INET6',
      'AF_UNIX',
      'AF_NETLINK',
    ])
})
