import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import { trainingEventList } from '../../platform/schemas/trainings.ts'
import { listTrainingEvents, streamTrainingEvents } from '../../platform/use-cases/training-events.ts'
import { getTraining } from '../../platform/use-cases/trainings.ts'
import { openEventStream } from '../event-stream.ts'
import { json, type RequestContext, type Route, route } from '../route.ts'
import { describeId } from './common.ts'

export interface EventStreamTiming {
  /** Seconds without an event after which a stream sends a heartbeat. Defaults to 15. */
  heartbeatSeconds?: number
}

const query = z.strictObject({
  after: z
    .int('a whole number of at least 0')
    .min(0, 'a whole number of at least 0')
    .default(0)
    .describe('Number of the last event received. Only later events are returned.'),
})

const headers = z.object({
  'last-event-id': z
    // Browsers send an empty value if no event had an id.
    .union([z.int().min(0), z.literal('')], { error: 'the number of an event' })
    .optional()
    .describe('Number of the last event received. Takes precedence over after.'),
})

/**
 * Returns the route of a training's events: server-sent events until the training ends, or the current events as JSON.
 */
export function trainingEventRoutes(platform: Platform, { heartbeatSeconds = 15 }: EventStreamTiming = {}): Route[] {
  const stream = (
    training_id: string,
    after: number,
    { shutdown, requestId, admitStream }: Pick<RequestContext, 'shutdown' | 'requestId' | 'admitStream'>,
  ) => {
    admitStream()
    return openEventStream((signal) => streamTrainingEvents(platform, training_id, after, signal), {
      shutdown,
      heartbeatSeconds,
      onError: (error) => platform.logger.error(error, { request_id: requestId, training_id }),
    })
  }
  return [
    route({
      method: 'GET',
      path: '/v1/trainings/{id}/events',
      summary: "Stream a training's events",
      description:
        'Returns server-sent events until the training ends: id is the number of the event, event its type, and data the event as JSON. With accept: application/json, returns up to 500 of the events so far instead.',
      tag: 'Trainings',
      scope: 'train',
      params: { id: describeId('a training') },
      query: { schema: query, fix: 'Give the number of the last event that you have, or leave it out for all events.' },
      headers: { schema: headers, fix: 'Send the id of the last event that you received, or leave the header out.' },
      responses: {
        200: {
          description: 'Returns the events.',
          schema: trainingEventList,
          contentTypes: ['text/event-stream', 'application/json'],
        },
        204: { description: 'The training has ended and the client has all of its events. Do not reconnect.' },
      },
      errors: ['training_unknown'],
      async handle(context) {
        const { params, query, headers, accept } = context
        const lastEventId = headers['last-event-id']
        const after = typeof lastEventId === 'number' ? lastEventId : query.after
        if (accept.includes('application/json') && !accept.includes('text/event-stream'))
          return json({ data: await listTrainingEvents(platform, params.id, after) })
        const { id, finished_at, last_event } = await getTraining(platform, params.id)
        if (finished_at !== undefined && after >= last_event) return new Response(null, { status: 204 })
        return new Response(stream(id, after, context), {
          headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
        })
      },
    }),
  ]
}
