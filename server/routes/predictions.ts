import { parse } from '../../platform/parse.ts'
import type { Platform } from '../../platform/platform.ts'
import { classifyRequest } from '../../platform/schemas/classify.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import type { Routes } from '../mount.ts'
import { type BodyLimits, readJson } from '../read-json.ts'

/** `POST /v1/predictions`. Where one adapter answered, headers name it, too. A client that goes away takes its texts back. */
export function predictions(platform: Platform, limits: BodyLimits): Routes {
  return {
    '/v1/predictions': {
      async POST(c) {
        const { signal } = c.req.raw
        const body = await readJson(c.req.raw, limits)
        const request = parse(classifyRequest, body, 'the body', 'Send {"inputs": ["a text", …], "adapter": "its id"}.')
        const answer = await classify(platform, request, signal)
        if ('adapter' in answer && answer.adapter !== undefined) c.header('x-graft-adapter', inHeader(answer.adapter))
        if ('digest' in answer && answer.digest !== undefined) c.header('x-graft-digest', answer.digest)
        return c.json(answer)
      },
    },
  }
}

/** Headers hold printable ASCII alone. */
const inHeader = (id: string): string => (/^[\x21-\x7e]+$/.test(id) ? id : encodeURIComponent(id.toWellFormed()))
