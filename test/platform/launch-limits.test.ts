import { expect, test } from 'vitest'
import { resolveTraining } from '../../platform/use-cases/trainings.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { fakePlatform } from './fake-platform.ts'

const launch = async (settings: Readonly<Record<string, unknown>>) => {
  const platform = await fakePlatform()
  return resolveTraining(platform, platform.store.db, { dataset: 'nobody', method: 'lora', ...settings })
}

test('a training whose adapter this server would not serve is rejected with the limit and the flag that raises it', async () => {
  const flag = 'graft serve --max-tokens'
  await expectError(launch({ max_tokens: 2049 }), 'adapter_too_large', 'at most 2048 tokens', `${flag} 2049`)
  const prompt = { method: 'soft-prompt', tokens: 2000 }
  await expectError(launch(prompt), 'adapter_too_large', '512 tokens of a text and 2000 virtual', `${flag} 2512`)
  await expectError(launch({ rank: 4096 }), 'adapter_too_large', 'parameters, as many as the base has', 'smaller rank')
})

test('a training within the limits is checked further', async () => {
  for (const settings of [{ max_tokens: 2048 }, { method: 'full' }, { method: 'soft-prompt', tokens: 1536 }])
    await expect(launch(settings)).rejects.toMatchObject({ code: 'dataset_unknown' })
})
