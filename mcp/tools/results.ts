import { z } from 'zod'

/** An object in a result, whose fields are not in the output schema. */
export const object: z.ZodType<object> = z.looseObject({})

/** A page of a list. */
export const page = z.object({ data: z.array(object), next_cursor: z.string().optional() })
