import type { Membership, SegmentAnswer } from '../verify/segment.ts'
import { many, number } from './numbers.ts'
import type { End, Report } from './report.ts'

/** What is known of the segment of a channel. */
export interface SegmentState extends Membership {
  readonly channel: string
  readonly attribute: string
  /** What Braze says; null where it was not asked. */
  readonly answer: SegmentAnswer | null
}

/** @param makesProfiles whether a reachable person whom Braze does not know gets a profile */
export function reportOfSegments(end: End, states: readonly SegmentState[], makesProfiles: boolean): Report {
  const texts = states.map((state) => {
    const name = states.length > 1 ? `${state.channel}: ` : ''
    return name + linesOf(state, makesProfiles).join('\n')
  })
  return {
    result: { status: end === 'done' ? 'complete' : end, channels: states.map(resultOf) },
    text: texts.join('\n\n'),
    interrupted: 'Interrupted; nothing was changed.',
  }
}

function resultOf(state: SegmentState) {
  const { answer, ...known } = state
  const { channel, attribute, ...membership } = known
  const segment =
    answer?.kind === 'size'
      ? { size: answer.size, day: answer.day, difference: answer.size - state.expected }
      : null
  return { channel, attribute, filter: filterOf(state), ...membership, segment, message: saidBy(state) }
}

const filterOf = ({ attribute }: SegmentState) => `${attribute} is not blank`

function linesOf(state: SegmentState, makesProfiles: boolean): string[] {
  const { attribute, reachable, profiles, expected } = state
  return [
    `In Braze, Audience > Segments > Create Segment: Users from all apps, and one filter:`,
    `  Custom Attributes > ${attribute} > is not blank`,
    `${personsOf(reachable)} can be reached, and Braze should show ${number(expected)}${tolerance(state)}.`,
    ...(profiles < reachable
      ? [`They are ${many(profiles, 'profile')}, since a customer with two LINE accounts is one.`]
      : []),
    ...(makesProfiles
      ? []
      : [
          'BRAZE_CREATE_PROFILES is false: whoever Braze does not know is in no segment, so that it may show fewer.',
        ]),
    saidBy(state),
  ]
}

const personsOf = (count: number) => (count === 1 ? '1 person' : `${number(count)} people`)

function tolerance({ underWay, rejected }: SegmentState): string {
  const parts = [
    ...(underWay > 0 ? [`${number(underWay)} of whom news is on its way`] : []),
    ...(rejected > 0
      ? [`${number(rejected)} about whom Braze has rejected the news (failed retry tries again)`]
      : []),
  ]
  return parts.length > 0 ? `, give or take ${parts.join(' and ')}` : ''
}

function saidBy({ answer, expected }: SegmentState): string {
  switch (answer?.kind) {
    case undefined:
      return 'Braze was not asked; --segment-id with the API identifier of the segment compares the two.'
    case 'forbidden':
      return `Braze was asked, and does not say how many they are there. ${answer.reason}.`
    case 'none':
      return 'Braze has not counted this segment yet; it does so once a day.'
    case 'size': {
      const { size, day } = answer
      const by = size - expected
      const difference =
        by === 0 ? 'as many' : `${many(Math.abs(by), 'profile')} ${by > 0 ? 'more' : 'fewer'}`
      return `Braze says ${number(size)}, ${difference}. That is its estimate of ${day}, from a part of the people; Calculate Exact Statistics in the segment counts all of them.`
    }
  }
}
