import type { Kind } from '../message/kinds.ts'

/** An option that says what a key of the message is: the key, the option, and its help. */
export type Flag = readonly [key: string, option: string, help: string]

export interface KindDescription {
  readonly what: string
  readonly argument: '[FILE]' | '<FILE>'
  readonly flags: readonly Flag[]
  readonly help: string
}

const ALT_TEXT: Flag = ['altText', '--alt-text <text>', 'what the list of chats and notifications show']

/** What people can write, and how. The keys of a file are those of LINE's message objects. */
export const KINDS: Readonly<Record<Kind, KindDescription>> = {
  text: {
    what: 'a text',
    argument: '[FILE]',
    flags: [['text', '--text <text>', 'what it says']],
    help: 'FILE has the key text, and may have emojis.',
  },
  sticker: {
    what: 'a sticker',
    argument: '[FILE]',
    flags: [
      ['packageId', '--package <id>', "the number of the sticker's package"],
      ['stickerId', '--sticker <id>', 'the number of the sticker'],
    ],
    help: "FILE has the keys packageId and stickerId. LINE's page developers.line.biz/en/docs/messaging-api/sticker-list\nhas those that can be sent.",
  },
  image: {
    what: 'an image',
    argument: '[FILE]',
    flags: [
      ['originalContentUrl', '--original <url>', 'the image, JPEG or PNG, at most 10 MB, https'],
      ['previewImageUrl', '--preview <url>', 'a smaller one for the chat, at most 1 MB, https'],
    ],
    help: 'FILE has the keys originalContentUrl and previewImageUrl.',
  },
  carousel: {
    what: 'cards with buttons',
    argument: '<FILE>',
    flags: [ALT_TEXT],
    help: `FILE is such as

    altText: New this week
    columns:
      - title: Tea
        text: 'For {{\${first_name} | default: "you"}}'
        thumbnailImageUrl: https://example.com/tea.jpg
        actions:
          - { type: uri, label: Buy, uri: "https://example.com/tea" }
          - { type: message, label: More, text: More tea }

with 1 to 10 columns, each with as many actions. imageAspectRatio, imageSize, imageBackgroundColor and defaultAction
are LINE's, too.`,
  },
  flex: {
    what: 'a Flex Message',
    argument: '<FILE>',
    flags: [ALT_TEXT],
    help: "FILE has the keys altText and contents; or it is a bubble or carousel as LINE's Flex Message Simulator makes it,\nand --alt-text says the rest.",
  },
}
