import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import type { Test } from 'tap'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/** What a proxy does to a chunk from the client: nothing of it, another one, or all of it. */
export type Filter = (chunk: Buffer) => Buffer

/** A way to the PostgreSQL of `url` that can be cut, refused, and made to swallow everything. It ends with the test. */
export async function startProxy(t: Test, url: string, filter: Filter = (chunk) => chunk) {
  let target = new URL(url)
  const pairs = new Set<Pair>()
  let isRefusing = false
  let isSilent = false

  const listener = createServer((client) => {
    if (isRefusing) return void client.resetAndDestroy()
    const server = connect(Number(target.port), target.hostname)
    const pair = { client, server }
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server])
      socket
        .setNoDelay(true)
        .on('error', () => {})
        .on('close', end)
    const through = (change: Filter) =>
      new Transform({ transform: (chunk, _encoding, done) => done(null, change(chunk)) })
    client.pipe(through(filter)).pipe(server)
    server.pipe(client)
    if (isSilent) silence(pair)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as { port: number }
  const proxied = new URL(url)
  proxied.port = String(port)

  /** Nothing gets through any more, in neither direction, and nobody is told. */
  function silence({ client, server }: Pair) {
    client.unpipe()
    server.unpipe()
    // What is read and thrown away: a peer of which nothing is heard takes nothing either, sooner or later.
    client.resume()
    server.resume()
  }
  function cut() {
    for (const { client, server } of pairs) {
      client.resetAndDestroy()
      server.destroy()
    }
  }
  t.teardown(() => {
    cut()
    listener.close()
  })
  return {
    url: proxied.href,
    /** Cuts every connection that there is. */
    cut,
    /** Cuts every connection, and each that is tried, until `accept`. */
    refuse() {
      isRefusing = true
      cut()
    },
    /** Connections stay, and nothing gets through them for ever, nor through those that are made, until `accept`. */
    swallow() {
      isSilent = true
      for (const pair of pairs) silence(pair)
    },
    /** New connections are served again. Those that were swallowed stay dead without a word. */
    accept() {
      isRefusing = false
      isSilent = false
    },
    /** New connections go to the PostgreSQL of `url`. */
    redirect(url: string) {
      target = new URL(url)
    },
    connections: () => pairs.size,
  }
}

/** Of what a client says, no `LISTEN` gets through, as with a pooler: it is made a statement of the same length that does nothing. */
export const withoutListen: Filter = (chunk) =>
  Buffer.from(
    chunk.toString('latin1').replace(/LISTEN line_braze_\w+/g, (said) => 'SELECT 1'.padEnd(said.length)),
    'latin1',
  )
