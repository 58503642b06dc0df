import { expect, test } from 'vitest'
import { connectAgent } from './agents.ts'
import { startMcp } from './start-mcp.ts'

const pipelines = [{ model: 'owner/name', dtype: 'q8' }]

test('an agent compares an adapter with a pipeline if the operator allows it', async () => {
  const { url, films, platform } = await startMcp()
  const { call } = await connectAgent('2026-07-28', { url })
  const request = { adapters: ['imdb'], pipelines, dataset: films, wait_seconds: 0 }
  const refused = await call('compare_adapters', request)
  expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('--allow-pipelines') })

  Object.assign(platform, { allowPipelines: true })
  const { isError, structuredContent } = await call('compare_adapters', request)
  expect(isError).toBeFalsy()
  expect(structuredContent).toMatchObject({
    comparison: {
      status: 'queued',
      adapters: [{ name: 'imdb' }],
      pipelines: [{ name: 'owner/name', model: 'owner/name', dtype: 'q8' }],
    },
  })
  const path = await call('compare_adapters', { ...request, pipelines: [{ model: '/etc' }] })
  expect(path).toMatchObject({ isError: true, text: expect.stringContaining('and not a path') })
  const alone = await call('compare_adapters', { adapters: ['imdb'], dataset: films, wait_seconds: 0 })
  expect(alone).toMatchObject({ isError: true, text: expect.stringContaining('at least one with a pipeline') })
})
