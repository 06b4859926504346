import { EventEmitter } from 'node:events'
import { createWaits } from '../until.ts'
import type { Reply } from './reply.ts'

/** Counts since the start; the object is live. */
export interface LineApiStats {
  /** Requests that arrived whole, answered or not. */
  requests: number
  /** Requests by the status of their answer; 0 for none, or for one that never ended. */
  byStatus: Record<number, number>
  /** Requests by their path, without its query. */
  byPath: Record<string, number>
  /** Pages of the follower list that were answered. */
  pages: number
  /** Stateless tokens. */
  tokensIssued: number
  /** Requests that arrived and are not answered. */
  inFlight: number
  /** Without latency a request is answered in the turn in which it arrives, and this says 1. */
  maxInFlight: number
  /** Connections that were ever opened; few, where a client keeps them alive. */
  connections: number
}

/** A request that is over. Its Authorization is not kept. */
export interface LineApiRequest {
  /** When it came, in epoch milliseconds. */
  at: number
  method: string
  /** Without its query. */
  path: string
  query: Record<string, string>
  /** 0: no answer was given, or the client had gone. */
  status: number
}

/** A page of the follower list, once it is answered. */
export interface AnsweredPage {
  /** Counted from 1 over the sandbox's life. */
  page: number
  /** How many elements `userIds` had. */
  ids: number
  isLast: boolean
}

export interface LineApiEvents {
  request: [LineApiRequest]
  page: [AnsweredPage]
}

export type LineApiRecord = ReturnType<typeof createRecord>

/** Counts what happens and tells those who listen or wait. */
export function createRecord({ keepRequests }: { keepRequests: boolean }) {
  const stats: LineApiStats = {
    requests: 0,
    byStatus: {},
    byPath: {},
    pages: 0,
    tokensIssued: 0,
    inFlight: 0,
    maxInFlight: 0,
    connections: 0,
  }
  const requests: LineApiRequest[] = []
  const events = new EventEmitter<LineApiEvents>()
  const waits = createWaits()

  return {
    stats,
    requests,
    events,
    waits,
    /** Returns how many requests for this path there were, this one included. */
    arrived(path: string): number {
      const count = (stats.byPath[path] ?? 0) + 1
      stats.requests++
      stats.byPath[path] = count
      stats.inFlight++
      stats.maxInFlight = Math.max(stats.maxInFlight, stats.inFlight)
      return count
    },
    answered(request: LineApiRequest, page: Reply['page']) {
      stats.inFlight--
      stats.byStatus[request.status] = (stats.byStatus[request.status] ?? 0) + 1
      if (keepRequests) requests.push(request)
      if (page !== undefined) events.emit('page', { page: ++stats.pages, ...page })
      events.emit('request', request)
      waits.check()
    },
  }
}
