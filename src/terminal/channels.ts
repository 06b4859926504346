/** What a command has done in one channel, of one or several that it goes over. */
export interface OfChannel {
  readonly channel: string
}

/** The numbers of all channels together; those of one are as they are. */
export const sumsOf = <N extends Readonly<Record<string, number>>>(numbers: readonly N[], none: N): N =>
  numbers.reduce(
    (sums, each) =>
      Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum + (each[name] ?? 0)])) as N,
    none,
  )

/** What `--json` prints of each channel, where there are several. */
export const listed = <R>(results: readonly R[]): { readonly channels?: readonly R[] } =>
  results.length > 1 ? { channels: results } : {}

/** Which channel is at work; nothing where there is no other. */
export const titleOf = (channels: readonly OfChannel[], current: number): string =>
  channels.length > 1 ? `${channels[current]?.channel} (${current + 1} of ${channels.length})` : ''

/** Lines for a person, each of a channel, which is named where there are several. */
export const linesOf = (texts: readonly (OfChannel & { readonly text: string })[]): string[] =>
  texts.flatMap(({ channel, text }) => {
    if (text === '') return []
    return texts.length > 1 ? [`${channel}: ${text}`] : [text]
  })
