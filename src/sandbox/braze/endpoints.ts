/** The endpoints that this Braze has, and what a key needs for each; those with the same `pace` share a limit. [LIMITS] */
export const endpoints = {
  '/users/track': { pace: 'track', permission: 'users.track' },
  '/users/export/ids': { pace: 'export', permission: 'users.export.ids' },
  '/users/identify': { pace: 'identity', permission: 'users.identify' },
  '/users/alias/new': { pace: 'identity', permission: 'users.alias.new' },
  '/users/alias/update': { pace: 'identity', permission: 'users.alias.update' },
  '/users/merge': { pace: 'identity', permission: 'users.merge' },
} as const

export type Endpoint = keyof typeof endpoints
export type Pace = (typeof endpoints)[Endpoint]['pace']
export type Permission = (typeof endpoints)[Endpoint]['permission']

export const isEndpoint = (path: string): path is Endpoint => Object.hasOwn(endpoints, path)
