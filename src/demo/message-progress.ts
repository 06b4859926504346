import { number } from '../terminal/numbers.ts'
import { bar, of, row } from './cells.ts'

/** How things are at one moment while a message is sent. */
export interface MessageProgress {
  /** Who is to get it. */
  readonly people: number
  /** Messages that Braze is done with. */
  readonly sent: number
  /** People who have got it. */
  readonly got: number
  /** Messages that LINE has accepted with the token from before the rotation, and with another one. */
  readonly byOldToken: number
  readonly byNewToken: number
}

/** What a terminal shows of it, at most 80 columns wide. */
export function frameOf({ people, sent, got, byOldToken, byNewToken }: MessageProgress): string[] {
  return [
    '',
    row('Braze', 'messages', of(sent, people), bar(sent, people)),
    row('LINE', 'people', of(got, people), bar(got, people)),
    row('', 'by old token', number(byOldToken)),
    row('', 'by new token', number(byNewToken)),
  ].map((line) => line.trimEnd())
}

/** The same as one line of a log. */
export function lineOf({ people, sent, got, byOldToken, byNewToken }: MessageProgress): string {
  return [
    `messages ${of(sent, people)}`,
    `people who got one ${of(got, people)}`,
    `by the old token ${number(byOldToken)}`,
    `by the new one ${number(byNewToken)}`,
  ].join(', ')
}
