import { type FairShare, makeFairShare, type Requester } from './fair-share.ts'

/** The limits that all requests share. Each requester gets a fair share of each. */
export interface Limits {
  /** Requests, from their authorization until their response has been sent. */
  requests: FairShare
  /** Open event streams. */
  streams: FairShare
  /** Bytes of JSON bodies. Uploads are not kept in memory. */
  bodyBytes: FairShare
  /** Texts to classify. */
  texts: FairShare
  /** Characters of the texts to classify. */
  characters: FairShare
}

export type LimitOptions = Record<keyof Limits, number>

const RETRY = 'Try again in a moment'

export const makeLimits = ({ requests, streams, bodyBytes, texts, characters }: LimitOptions): Limits => ({
  requests: makeFairShare({
    capacity: requests,
    noun: 'requests in progress',
    fix: `${RETRY}, or send several texts in one request.`,
  }),
  streams: makeFairShare({
    capacity: streams,
    noun: 'open event streams',
    fix: 'Close other streams, or poll with accept: application/json.',
  }),
  bodyBytes: makeFairShare({
    capacity: bodyBytes,
    noun: 'bytes of requests in memory',
    fix: `${RETRY}, or send fewer or smaller requests at a time.`,
  }),
  texts: makeFairShare({
    capacity: texts,
    noun: 'texts in progress',
    fix: `${RETRY}, or send fewer texts at a time.`,
  }),
  characters: makeFairShare({
    capacity: characters,
    noun: 'characters of texts in progress',
    fix: `${RETRY}, or send fewer or shorter texts at a time.`,
  }),
})

/** An account of what one request holds of the limits. */
export interface Holds {
  /** Takes an amount until the request ends. @throws GraftError `overloaded` */
  take(limit: keyof Limits, amount: number): void
  /** Gives everything back. What is taken later, by work that outlives the request, is not counted. */
  release(): void
}

export function openHolds(limits: Limits, requester: Requester): Holds {
  const releases: (() => void)[] = []
  let isReleased = false
  return {
    take(limit, amount) {
      if (!isReleased) releases.push(limits[limit].take(requester, amount))
    },
    release() {
      isReleased = true
      for (const release of releases.splice(0)) release()
    },
  }
}
