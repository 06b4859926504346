import t from 'tap'
import type { Ledger } from '../../src/ledger/ledger.ts'
import type { Subject } from './contract.ts'

const NOW = 1_800_000_000_000

/** What every database remembers of LINE's tokens. */
export function tokensContract(name: string, create: () => Promise<Subject>) {
  t.test(`tokens, ${name}`, async (t) => {
    let now = NOW
    const subject = await create()
    const ledger: Ledger = await subject.open(() => now)
    t.teardown(async () => {
      await ledger.close()
      await subject.remove()
    })
    const keep = (keyId: string, leftMs: number, isWritten = false, channel = 'default') =>
      ledger.keepToken(channel, { keyId, leftMs, isWritten })
    const keyIds = async (channel = 'default') => (await ledger.tokens(channel)).map(({ keyId }) => keyId)

    t.test('it is known by its key id until it ends, each channel by itself', async (t) => {
      t.strictSame(await ledger.tokens('default'), [])
      await keep('a', 1_000.7)
      await keep('a', 5_000, false, 'other')
      now += 400
      t.strictSame(await ledger.tokens('default'), [
        { keyId: 'a', lifeMs: 1_000, leftMs: 600, isWritten: false },
      ])
      now += 600
      t.strictSame(await keyIds(), [])
      t.strictSame(await keyIds('other'), ['a'])
    })

    t.test('the one that was written last comes first; what is not written comes after it', async (t) => {
      await keep('b', 10_000, true)
      now += 10
      await keep('c', 10_000)
      now += 10
      await keep('d', 10_000)
      t.strictSame(await keyIds(), ['b', 'd', 'c'])
      await keep('c', 9_990, true)
      t.strictSame(await keyIds(), ['c', 'b', 'd'])
      t.match((await ledger.tokens('default'))[0], { lifeMs: 10_000, leftMs: 9_990, isWritten: true })
      now += 10
      await keep('b', 1, true)
      await keep('d', 5, false)
      t.strictSame(await keyIds(), ['b', 'c', 'd'], 'what was told first of the end stays')
      await keep('b', 9_000, false)
      t.match((await ledger.tokens('default'))[0], { keyId: 'b', isWritten: true, lifeMs: 10_000 })
    })

    t.test('those that have ended take no room, and another process sees the same', async (t) => {
      now += 20_000
      await keep('e', 10_000, true)
      const rows = (await Array.fromAsync(ledger.dump())).flatMap((part) =>
        part.kind === 'tokens' ? part.rows : [],
      )
      t.strictSame(
        rows.filter(({ channel }) => channel === 'default').map(({ keyId }) => keyId),
        ['e'],
      )
      const other = await subject.open(() => now)
      t.strictSame(await other.tokens('default'), await ledger.tokens('default'))
      await other.close()
    })
  })
}
