/** The endpoints that this Braze has, and what a key needs for each; those with the same `pace` share a limit. [LIMITS] POST, where nothing else is said. */
export const endpoints = {
  '/users/track': { pace: 'track', permission: 'users.track' },
  '/users/export/ids': { pace: 'export', permission: 'users.export.ids' },
  '/users/identify': { pace: 'identity', permission: 'users.identify' },
  '/users/alias/new': { pace: 'identity', permission: 'users.alias.new' },
  '/users/alias/update': { pace: 'identity', permission: 'users.alias.update' },
  '/users/merge': { pace: 'identity', permission: 'users.merge' },
  '/users/delete': { pace: 'identity', permission: 'users.delete' },
  '/content_blocks/list': { pace: 'shared', permission: 'content_blocks.list', method: 'GET' },
  '/content_blocks/info': { pace: 'shared', permission: 'content_blocks.info', method: 'GET' },
  '/content_blocks/create': { pace: 'shared', permission: 'content_blocks.create' },
  '/content_blocks/update': { pace: 'shared', permission: 'content_blocks.update' },
  '/segments/data_series': { pace: 'shared', permission: 'segments.data_series', method: 'GET' },
} as const

export type Endpoint = keyof typeof endpoints
/** What is no user's affair, and is done at once. */
export type DashboardEndpoint = Extract<Endpoint, `/content_blocks/${string}` | `/segments/${string}`>
export type Pace = (typeof endpoints)[Endpoint]['pace']
export type Permission = (typeof endpoints)[Endpoint]['permission']

export const isDashboardEndpoint = (path: Endpoint): path is DashboardEndpoint => !path.startsWith('/users/')

/** The one that an endpoint is asked by. */
export function methodOf(path: Endpoint): string {
  const endpoint = endpoints[path]
  return 'method' in endpoint ? endpoint.method : 'POST'
}

export const isEndpoint = (path: string): path is Endpoint => Object.hasOwn(endpoints, path)
