import t from 'tap'
import type { Profile, Profiles } from '../../src/braze/export.ts'
import { type Verdict, verdictOf } from '../../src/delivery/merge-rules.ts'
import type { DueMerge } from '../../src/ledger/ledger.ts'

const merge = (action: DueMerge['action'], tries = 0): DueMerge => ({
  id: 1,
  channel: 'default',
  userId: 'U1',
  externalId: 'c1',
  action,
  tries,
})
const profile = (externalId: string | null, alias?: string): Profile => ({
  externalId,
  valueIn: () => null,
  aliasIn: () => alias,
  isNothingBut: () => externalId === null,
})
const looked = (alias: Profile | undefined, customer: Profile | undefined): Profiles => ({
  at: ({ address }) => ('userId' in address ? alias : customer),
  knows: () => undefined,
})
const own = profile(null, 'U1')
const customer = profile('c1')

t.test('an alias profile that is handed over', async (t) => {
  const cases: [what: string, tries: number, Profiles | null, Verdict][] = [
    ['its own, before', 0, looked(own, customer), 'identify'],
    ['its own, after a request that may have been lost', 1, looked(own, customer), 'identify'],
    ['its own, after some', 3, looked(own, customer), 'left'],
    ['the customer was handed it', 1, looked(profile('c1', 'U1'), profile('c1', 'U1')), 'merged'],
    ['gone, before', 0, looked(undefined, customer), 'left'],
    ['gone, after', 1, looked(undefined, customer), 'merged'],
    ["another customer's", 1, looked(profile('c2', 'U1'), customer), 'unknown'],
    ['the customer is not there', 0, looked(own, undefined), 'wait'],
    ['the customer is never there', 3, looked(own, undefined), 'left'],
    ['the customer has such an alias', 0, looked(own, profile('c1', 'U2')), 'left'],
    ['the key may not look, before', 0, null, 'identify'],
    ['the key may not look, after', 1, null, 'unknown'],
  ]
  for (const [what, tries, profiles, verdict] of cases)
    t.equal(verdictOf(merge('look', tries), profiles, true), verdict, what)
})

t.test('where nothing is merged any more, it is only looked', async (t) => {
  for (const [tries, profiles, verdict] of [
    [0, looked(own, customer), 'wait'],
    [3, looked(own, customer), 'left'],
    [1, looked(profile('c1'), customer), 'merged'],
    [0, null, 'unknown'],
  ] as const)
    t.equal(verdictOf(merge('look', tries), profiles, false), verdict)
})

t.test('an alias that is to be free', async (t) => {
  for (const [tries, profiles, verdict] of [
    [0, null, 'rename'],
    [0, looked(undefined, customer), 'rename'],
    [1, looked(profile('c1'), customer), 'rename'],
    [1, looked(undefined, customer), 'renamed'],
    [1, looked(own, customer), 'renamed'],
    [1, null, 'renamed'],
  ] as const)
    t.equal(verdictOf(merge('rename', tries), profiles, false), verdict)
})
