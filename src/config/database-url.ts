/**
 * What keeps a `postgres://…` from being read as it is meant; undefined where nothing does that can be seen. Completes
 * "NAME …". A password with an `@`, `/`, `#` or `?` in it would pass for the host, and be shown as that.
 */
export function databaseFault(url: string): string | undefined {
  const [, authority = '', rest = ''] = /^postgres(?:ql)?:\/\/([^/?#]*)(.*)$/s.exec(url) ?? []
  const isEncoded = !/%(?![0-9a-f]{2})/i.test(authority) && !rest.includes('@') && !/\s|#/.test(url)
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  return isEncoded && /^(\[.*\]|[^:]*)(:\d*)?$/.test(host) ? undefined : NOT_ENCODED
}

const NOT_ENCODED =
  'cannot be read; in its user and its password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F, % as %25'
