import { z } from 'zod'

/**
 * Returns the schema of a list that must be empty or not set.
 * @param expected the message for any other value
 */
export const emptyList = (expected: string) => z.array(z.unknown(), { error: expected }).max(0, expected).nullish()
