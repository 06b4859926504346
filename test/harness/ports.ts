/** Ports for what has to be told its port before it starts, or has to be found again at the same one. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** Below it nobody gets a port by asking for port 0, or by connecting; 49152 as in RFC 6335, which Linux lowers. */
const [ends] = read('/proc/sys/net/ipv4/ip_local_port_range') ?? [49_152]
const BEGIN = 10_000
const SPAN = Math.max(ends ?? 0, BEGIN + 10_000) - BEGIN
/** Of each process, so that files that run at the same time ask for different ones. */
const SHARE = 16
let asked = 0

/**
 * A port of 127.0.0.1 that is free, and that nobody gets by chance before it is taken, nor while what listens there is away:
 * a port that the system gave and that was closed again is given to the next one, as busy machines show.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = BEGIN + ((process.pid * SHARE + (asked++ % SHARE)) % SPAN)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

function read(file: string): number[] | null {
  try {
    return readFileSync(file, 'utf8').trim().split(/\s+/).map(Number)
  } catch {
    return null
  }
}
