import { z } from 'zod'

/** The most values that are examined. A body with more faults is not a valid one in another form. */
const MAX_VALUES = 20_000

/**
 * Returns the value that a client meant if it sent another form of it: null for an optional field that is not set, or a
 * number, `true`, a list or an object as text. Only what the schema does not accept as it is changes, and only to what
 * it accepts. All else stays, so that an error shows what the client sent. Returns the same value if nothing changed.
 * @param value a value that the schema does not accept
 */
export function repair(schema: z.core.$ZodType, value: unknown): unknown {
  return repairWithin({ left: MAX_VALUES }, schema, value)
}

interface Budget {
  left: number
}

function repairWithin(budget: Budget, schema: z.core.$ZodType, value: unknown): unknown {
  budget.left -= sizeOf(value)
  const inner = (part: z.core.$ZodType, given: unknown) =>
    budget.left < sizeOf(given) || accepts(part, given) ? given : repairWithin(budget, part, given)

  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return inner(schema.unwrap(), value)
  if (schema instanceof z.ZodUnion) {
    const candidates = schema.options.map((option) => inner(option, value))
    return candidates.find((candidate) => candidate !== value && accepts(schema, candidate)) ?? value
  }
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return mapChanged(value, (item) => inner(schema.element, item))
  if (schema instanceof z.ZodObject && isRecord(value)) return repairFields(schema.shape, value, inner)
  return typeof value === 'string' ? repairText(schema, value, inner) : value
}

const sizeOf = (value: unknown): number => (Array.isArray(value) ? value.length + 1 : 1)

const accepts = (schema: z.core.$ZodType, value: unknown): boolean => z.safeParse(schema, value).success

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

type Repair = (schema: z.core.$ZodType, value: unknown) => unknown

function mapChanged(items: unknown[], map: (item: unknown) => unknown): unknown[] {
  const mapped = items.map(map)
  return mapped.some((item, i) => item !== items[i]) ? mapped : items
}

function repairFields(shape: z.core.$ZodShape, value: Record<string, unknown>, inner: Repair): Record<string, unknown> {
  let repaired = value
  for (const [name, schema] of Object.entries(shape)) {
    if (!Object.hasOwn(value, name)) continue
    const field = value[name]
    if (field === null && !accepts(schema, null) && accepts(schema, undefined)) {
      const { [name]: _, ...rest } = repaired
      repaired = rest
      continue
    }
    const changed = inner(schema, field)
    if (changed !== field) repaired = { ...repaired, [name]: changed }
  }
  return repaired
}

/** Reads a text as JSON if that is what the schema accepts. */
function repairText(schema: z.core.$ZodType, text: string, inner: Repair): unknown {
  const parsed = parseJson(text)
  // The text "null" may be a name.
  if (parsed === undefined || parsed === null || typeof parsed === 'string') return text
  const repaired = inner(schema, parsed)
  return accepts(schema, repaired) ? repaired : text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
