import { z } from 'zod'
import { fail } from '../../core/errors.ts'
import type { Platform } from '../../platform/platform.ts'
import { trainingEventList } from '../../platform/schemas/trainings.ts'
import { trainingEvents as eventsOf, listTrainingEvents } from '../../platform/use-cases/training-events.ts'
import { getTraining } from '../../platform/use-cases/trainings.ts'
import { eventStream } from '../event-stream.ts'
import { json, type Route, route } from '../route.ts'
import { ID } from './common.ts'

export interface StreamLimits {
  heartbeatSeconds?: number
  /** At a time. */
  streams?: number
}

const query = z.strictObject({
  after: z
    .int('a whole number from 0')
    .min(0, 'a whole number from 0')
    .default(0)
    .describe('number of the last event that is known'),
})

const heeded = z.object({
  'last-event-id': z
    // Browsers send an empty one where no event had an id.
    .union([z.int().min(0), z.literal('')], { error: 'the number of an event' })
    .optional()
    .describe('number of the last event that came; counts before ?after'),
})

/** As server-sent events until the training has ended, or as JSON what there is now. */
export function trainingEvents(
  platform: Platform,
  { heartbeatSeconds = 15, streams = 200 }: StreamLimits = {},
): Route[] {
  let open = 0
  const requireRoom = () => {
    if (open >= streams)
      fail('overloaded', {
        subject: 'streams of events',
        expected: `at most ${streams} at a time`,
        found: 'more',
        fix: 'Close others, or ask with accept: application/json from time to time.',
      })
  }
  const stream = (id: string, after: number, closing: AbortSignal) => {
    requireRoom()
    open++
    return eventStream((signal) => eventsOf(platform, id, after, signal), {
      closing,
      heartbeatSeconds,
      onError: (error) => platform.logger.error(error, { request_id: id }),
      onEnd: () => open--,
    })
  }
  return [
    route({
      method: 'GET',
      path: '/v1/trainings/{id}/events',
      summary: "Follow a training's events",
      description:
        'Server-sent events: id is the number of the event, event its type, data the event as JSON. The stream ends with the training. With accept: application/json, the events that there are now, at most 500.',
      tag: 'Trainings',
      scope: 'train',
      params: { id: ID('a training') },
      query: { schema: query, fix: 'Give the number of the last event that you have, or nothing for all.' },
      headers: { schema: heeded, fix: 'Send the id of the last event that came, or leave the header out.' },
      answers: {
        200: {
          description: 'The events',
          schema: trainingEventList,
          types: ['text/event-stream', 'application/json'],
        },
        204: { description: 'The training has ended and all its events are known: there is no use in coming back' },
      },
      errors: ['training_unknown'],
      async handle({ params: { id }, query, headers, accept, closing }) {
        const last = headers['last-event-id']
        const after = typeof last === 'number' ? last : query.after
        if (accept.includes('application/json') && !accept.includes('text/event-stream'))
          return json({ data: await listTrainingEvents(platform, id, after) })
        const { finished_at, last_event } = await getTraining(platform, id)
        if (finished_at !== undefined && after >= last_event) return new Response(null, { status: 204 })
        return new Response(stream(id, after, closing), {
          headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
        })
      },
    }),
  ]
}
