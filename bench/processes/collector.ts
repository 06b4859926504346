/** What takes traces and forgets them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerCalls } from './child.ts'

const methods = answerCalls({
  /** Starts on a free port, and returns that. */
  async listen(): Promise<number> {
    const server = createServer((request, response) => {
      request.resume().once('end', () => response.end())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
})

export type Collector = typeof methods
