import { expect, test } from 'vitest'
import { GraftError } from '../../../core/errors.ts'
import { toPlain } from '../../../core/to-plain.ts'
import { toProblem } from '../../../platform/schemas/problem.ts'
import { openaiErrorFormat } from '../../../server/openai/errors.ts'

async function paramOf(subject: string): Promise<unknown> {
  const error = new GraftError('body_invalid', { subject, problem: 'is wrong', fix: 'Fix it.' })
  const response = openaiErrorFormat.toResponse(toProblem(toPlain(error)))
  return ((await response.json()) as { error: { param: unknown } }).error.param
}

test.each(['constructor', 'toString', '__proto__', 'hyperparameters'])(
  'a field named %s is reported as it is',
  async (name) => {
    expect(await paramOf(name)).toBe(name)
  },
)

test("Graft's names of fields are reported as OpenAI's", async () => {
  expect([await paramOf('adapter'), await paramOf('test_dataset')]).toEqual(['model', 'validation_file'])
})
