import { z } from 'zod'

/** A list that has to be empty, or absent, and why. */
export const none = (why: string) => z.array(z.unknown(), { error: why }).max(0, why).nullish()
