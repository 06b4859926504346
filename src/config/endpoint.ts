/** Requests can be sent there as it is: nothing in it would be dropped without a word. */
export function isHttpUrl(text: string): boolean {
  if (/\s/.test(text) || !URL.canParse(text)) return false
  const { protocol, username, password, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && !(username || password || search || hash)
}

/** What makes a URL no REST endpoint of Braze; undefined where nothing does that can be seen. Completes "NAME …". */
export function brazeFault(text: string): string | undefined {
  if (!isHttpUrl(text)) return undefined
  const { hostname, pathname } = new URL(text)
  if (/^dashboard[.-](.+\.)?braze\.(com|eu)$/.test(hostname)) return "is the address of Braze's dashboard"
  return pathname === '/' ? undefined : 'has a path'
}

/** Whether what is sent there can be read on the way. */
export function isOpenToOthers(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !LOOPBACK.test(hostname)
}

/** As a parsed URL has it: in lower case, an IPv4 address in four numbers. */
const LOOPBACK = /^((.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\])$/
