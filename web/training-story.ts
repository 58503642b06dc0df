import { useEffect, useState } from 'hono/jsx/dom'
import { GraftError, type TrainingEvent } from '../client/client.ts'
import { graft } from './session.ts'

export type Point = readonly [step: number, value: number]

interface Progress {
  step: number
  steps: number
  loss: number
  reviews_per_second: number
  seconds_left: number
}

/** The events of a training so far, summed up. */
export interface Story {
  loss: readonly Point[]
  accuracy: readonly Point[]
  progress?: Progress
  /** The work of the training, if it is not a step. */
  stage?: string
  /** The number of changes of its status, and of its end. */
  changes: number
  /** The number of the last event. */
  last: number
}

export const EMPTY_STORY: Story = { loss: [], accuracy: [], changes: 0, last: 0 }

/** Returns the story with further events. */
export function addEvents(story: Story, events: readonly TrainingEvent[]): Story {
  const next = { ...story, loss: [...story.loss], accuracy: [...story.accuracy] }
  for (const { number, event } of events) {
    next.last = number
    if (event.type === 'step') {
      const step = event as unknown as Progress
      next.progress = step
      next.stage = undefined
      next.loss.push([step.step, step.loss])
    } else if (event.type === 'evaluation') {
      const { step, accuracy } = event as unknown as { step: number; accuracy: number }
      next.accuracy.push([step, accuracy])
    } else if (event.type === 'stage') next.stage = String(event.message)
    else if (event.type === 'status' || event.type === 'done' || event.type === 'plan') next.changes++
  }
  return next
}

export type Connection = { state: 'following' | 'reconnecting' | 'ended' } | { state: 'failed'; error: unknown }

const RECONNECT_MS = 1000
/** Events that arrive together are shown together. */
const GATHER_MS = 100

/** Follows the events of a training, also across restarts of the server, until it ends. */
export function useStory(id: string): { story: Story; connection: Connection } {
  const [story, setStory] = useState<Story>(EMPTY_STORY)
  const [connection, setConnection] = useState<Connection>({ state: 'following' })
  useEffect(() => {
    const stop = new AbortController()
    let waiting: TrainingEvent[] = []
    let isWaiting = false
    const flush = () => {
      isWaiting = false
      const events = waiting
      waiting = []
      if (!stop.signal.aborted) setStory((before) => addEvents(before, events))
    }
    setStory(EMPTY_STORY)
    setConnection({ state: 'following' })
    void followAcrossRestarts(id, stop.signal, setConnection, (event) => {
      waiting.push(event)
      if (!isWaiting) setTimeout(flush, GATHER_MS)
      isWaiting = true
    })
    return () => stop.abort()
  }, [id])
  return { story, connection }
}

async function followAcrossRestarts(
  id: string,
  signal: AbortSignal,
  onConnection: (connection: Connection) => void,
  onEvent: (event: TrainingEvent) => void,
): Promise<void> {
  let after = 0
  while (!signal.aborted) {
    try {
      for await (const event of graft.trainings.follow(id, { after, signal })) {
        after = event.number
        onEvent(event)
      }
      if (!signal.aborted) onConnection({ state: 'ended' })
      return
    } catch (error) {
      if (signal.aborted) return
      if (!isTemporary(error)) return onConnection({ state: 'failed', error })
      onConnection({ state: 'reconnecting' })
      await waitForServer(id, signal)
      if (!signal.aborted) onConnection({ state: 'following' })
    }
  }
}

const TEMPORARY = ['server_unreachable', 'shutting_down', 'overloaded', 'rate_limited', 'store_unavailable']

const isTemporary = (error: unknown): boolean => error instanceof GraftError && TEMPORARY.includes(error.code)

async function waitForServer(id: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS))
    const isBack = await graft.trainings.get(id).then(
      () => true,
      (error) => !isTemporary(error),
    )
    if (isBack) return
  }
}

/** Returns the story of a training so far, without following it. */
export async function readStory(id: string): Promise<Story> {
  let story = EMPTY_STORY
  for (;;) {
    const { data } = await graft.trainings.listEvents(id, { after: story.last })
    if (data.length === 0) return story
    story = addEvents(story, data)
  }
}
