import { EventEmitter } from 'node:events'
import { createWaits } from '../until.ts'
import type { AttributeObject } from './object.ts'

/** Counts since the start; the object is live. */
export interface BrazeStats {
  /** Requests that arrived whole, answered or not. */
  requests: number
  /** Requests that Braze itself answered with 2xx. */
  accepted: number
  /** Attribute objects taken, by such answers or by a scripted `apply`. */
  objects: number
  /** Objects applied, or found to have no profile to apply to. */
  applied: number
  /** Requests by the status of their answer; 0 for none. */
  byStatus: Record<number, number>
  /** Requests that arrived and are not answered. */
  inFlight: number
  /** Without latency a request is answered in the turn in which it arrives, and this says 1. */
  maxInFlight: number
  /** Requests to export users that arrived whole, answered or not. Nothing else here counts them, except `connections`. */
  exports: number
  /** Connections that were ever opened; few, where a client keeps them alive. */
  connections: number
}

/** A request that is over. */
export interface AnsweredRequest {
  /** When it came, in epoch milliseconds. */
  at: number
  /** 0: no answer was given, or the client had gone. */
  status: number
  /** The `attributes` list as it was sent; empty where the body could not be read. */
  objects: AttributeObject[]
}

export interface BrazeEvents {
  request: [AnsweredRequest]
  applied: [{ userId: string }]
}

export type BrazeRecord = ReturnType<typeof createRecord>

/** Counts what happens and tells those who listen or wait. */
export function createRecord({ keepRequests }: { keepRequests: boolean }) {
  const stats: BrazeStats = {
    requests: 0,
    accepted: 0,
    objects: 0,
    applied: 0,
    byStatus: {},
    inFlight: 0,
    maxInFlight: 0,
    exports: 0,
    connections: 0,
  }
  const requests: AnsweredRequest[] = []
  const events = new EventEmitter<BrazeEvents>()
  const waits = createWaits()

  return {
    stats,
    requests,
    events,
    waits,
    arrived() {
      stats.requests++
      stats.inFlight++
      stats.maxInFlight = Math.max(stats.maxInFlight, stats.inFlight)
    },
    answered(request: AnsweredRequest, accepted: boolean) {
      stats.inFlight--
      stats.byStatus[request.status] = (stats.byStatus[request.status] ?? 0) + 1
      if (accepted) stats.accepted++
      if (keepRequests) requests.push(request)
      events.emit('request', request)
      waits.check()
    },
    exportArrived() {
      stats.exports++
      waits.check()
    },
    applied(userId: string) {
      stats.applied++
      events.emit('applied', { userId })
      waits.check()
    },
  }
}
