import { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { Model } from './architecture.ts'
import type { Linear } from './modules.ts'

/** More than a T5 has Linears. Each target is compared with all of them. */
export const MAX_TARGETS = 1000

const targetName = z.string().min(1).max(200, 'at most 200 characters')

/** The schema of a list of targets that may be empty. */
export const anyTargets = z.array(targetName).max(MAX_TARGETS, `at most ${MAX_TARGETS} names`)

/** The schema of a list of targets in a method's configuration. */
export const targetNames = anyTargets.min(1)

/** The schema of values for some Linears, by the ends of their names. The first one that matches counts. */
export const valuesByTarget = <T extends z.ZodType>(value: T) =>
  z
    .record(targetName, value)
    .refine((values) => Object.keys(values).length <= MAX_TARGETS, `at most ${MAX_TARGETS} names`)
    .optional()

/** Returns the value of the first target that a Linear matches. */
export const valueFor = <T>(values: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  Object.entries(values ?? {}).find(([target]) => isTarget([target])({ name }))?.[1]

/**
 * Returns the Linears whose names equal a target or end in it after a dot: `q` matches the queries of every attention,
 * `SelfAttention.q` only those of self-attention.
 * @throws GraftError `method_invalid` if a target matches none
 */
export function findTargets(targets: readonly string[], { linears: all }: Pick<Model, 'linears'>): Linear[] {
  for (const target of targets) {
    if (all.some(isTarget([target]))) continue
    fail('method_invalid', {
      subject: `target ${target}`,
      problem: 'does not match the name of any Linear of the base',
      fix: `Choose from ${[...new Set(all.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))].join(', ')}.`,
    })
  }
  return all.filter(isTarget(targets))
}

/** Returns whether a Linear is one of the targets. */
export const isTarget =
  (targets: readonly string[]) =>
  ({ name }: Pick<Linear, 'name'>): boolean =>
    targets.some((target) => name === target || name.endsWith(`.${target}`))
