import { profileKey, type Write } from './object.ts'
import type { Profiles } from './profiles.ts'
import type { AnsweredRequest } from './record.ts'
import { readTrack } from './track.ts'

/** Where a user's value is: the alias label of the profile, and the attribute's name. Both default to `line_id`. */
export interface AttributePlace {
  label?: string
  name?: string
}

const line = 'line_id'

/** What people can see and do without the API, about profiles by their alias (label, userId). */
export function createDashboard(profiles: Profiles, requests: readonly AnsweredRequest[]) {
  return {
    /** The value in a profile; undefined where there is none. */
    attribute: (userId: string, { label = line, name = line }: AttributePlace = {}): unknown =>
      profiles.get(profileKey(label, userId))?.get(name),
    hasProfile: (userId: string, label = line): boolean =>
      profiles.get(profileKey(label, userId)) !== undefined,
    /** A profile that was there before. */
    createProfile(userId: string, attributes: Record<string, unknown> = {}, label = line): void {
      profiles.create(profileKey(label, userId), attributes)
    },
    /** The value goes, the profile stays. */
    removeAttribute(userId: string, { label = line, name = line }: AttributePlace = {}): void {
      profiles.removeAttribute(profileKey(label, userId), name)
    },
    removeProfile(userId: string, label = line): void {
      profiles.remove(profileKey(label, userId))
    },
    /** What was sent for a user, accepted or not, oldest first; empty without `keepRequests`. */
    writesOf(userId: string, { name = line }: AttributePlace = {}) {
      return requests.flatMap(({ at, status, objects }) =>
        readTrack({ attributes: objects })
          .attributes.filter((write): write is Write => typeof write !== 'string' && write.userId === userId)
          .map(({ attributes }) => ({
            at,
            status,
            value: attributes.find((attribute) => attribute[0] === name)?.[1],
          })),
      )
    },
  }
}
