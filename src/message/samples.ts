import { createHash } from 'node:crypto'
import type { Whereabouts } from './webhook.ts'

/** A channel whose people a template may be for. */
export interface Channel extends Whereabouts {
  readonly name: string
}

/** A value that does no harm, where nobody has given one. */
export const HARMLESS = 'Sample'

/** What stands in for somebody's user id on the channel, and for the token in a Content Block: there are no two alike. */
export const userIdOf = ({ name }: Channel) => `U${createHash('md5').update(`user of ${name}`).digest('hex')}`
export const tokenIn = (tokenBlock: string) =>
  createHash('md5').update(`token in ${tokenBlock}`).digest('hex')

/** A dispatch that was sent; a preview's has a second in its retry keys. */
export const DISPATCH = createHash('md5').update('dispatch').digest('hex')

/**
 * What Braze itself knows. A Content Block may end in a line break that nobody sees in the browser, so that the tokens here
 * have some around them.
 */
export const knownTo = (channels: readonly Channel[]): ReadonlyMap<string, string> =>
  new Map([
    ['campaign.dispatch_id', DISPATCH],
    ['campaign.api_id', '6d3a1c1e-5d8e-4a55-9f0e-0d8b6f1f2a10'],
    ['campaign.message_api_id', '0f3a7d52-7a1b-4c65-8a39-2f9a5f0c7b21'],
    ...channels.flatMap((channel): [string, string][] => [
      [`custom_attribute.${channel.attribute}`, userIdOf(channel)],
      [`content_blocks.${channel.tokenBlock}`, `\n${tokenIn(channel.tokenBlock)}\n`],
    ]),
  ])

/** The longest text that a custom attribute of Braze's may have. */
const LONGEST = 255

/** Values that some people have. `isRare`: what they do to a message is worth a warning, since not everybody has one. */
export const HOSTILE: readonly { readonly what: string; readonly value: string; readonly isRare: boolean }[] =
  [
    { what: 'quotes', value: `"Mia" 'the cat'`, isRare: false },
    { what: 'a line break', value: 'Mia\r\nthe\tcat', isRare: false },
    { what: 'a backslash', value: 'C:\\new\\u12', isRare: false },
    { what: 'emoji', value: '👩‍👩‍👧‍👦 🇯🇵 が', isRare: false },
    { what: 'no value', value: '', isRare: true },
    { what: `${LONGEST} characters`, value: 'x'.repeat(LONGEST), isRare: true },
  ]
