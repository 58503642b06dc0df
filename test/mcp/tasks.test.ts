import { TASKS_EXTENSION_ID_V2 as EXTENSION } from '@modelcontextprotocol/ext-tasks/core/v2'
import { expect, test } from 'vitest'
import type { ErrorCode } from '../../core/catalogue.ts'
import { GraftError } from '../../core/errors.ts'
import { toPlain } from '../../core/to-plain.ts'
import { updateShortWork } from '../../platform/store/short-work.ts'
import { claimTraining, recordProgress, transitionTraining } from '../../platform/store/training-transitions.ts'
import { connectAgent } from './agents.ts'
import { startMcp } from './start-mcp.ts'
import { connectTaskAgent, sendRequest } from './task-agent.ts'

const capabilities = 'io.modelcontextprotocol/clientCapabilities'
const acceptingTasks = { _meta: { [capabilities]: { extensions: { [EXTENSION]: {} } } } }

async function launchTask(settings: Record<string, string | number> = {}) {
  const started = await startMcp({ adapters: ['imdb', 'other'] })
  const agent = connectTaskAgent(started)
  const execution = await agent.callTool('launch_training', { dataset: started.films, ...settings })
  if (execution.kind !== 'task') throw new Error('expected a task, but found an answer')
  return { ...started, agent, execution, id: execution.handle.taskId, db: started.platform.store.db }
}

test('a client that accepts tasks launches one, sees its progress, and reads its result', async () => {
  const { url, execution, id, db, agent } = await launchTask()
  expect(await agent.task(execution.handle.taskId).snapshot()).toMatchObject({
    status: 'working',
    statusMessage: 'queued',
    retentionMs: null,
    suggestedPollIntervalMs: 1000,
  })
  const { fencing_token } = (await claimTraining(db, id, 'test')) as { fencing_token: number }
  const progress = { step: 3, total_steps: 9, reviews_per_second: 1, seconds_left: 6, loss: 0.5 }
  await recordProgress(db, id, fencing_token, { progress })
  expect((await agent.task(execution.handle.taskId).snapshot()).statusMessage).toBe('step 3 of 9, 6 s left, loss 0.500')
  const result = { steps: 9, seconds: 1, loss: 0.25, accuracy: 0.75 } as never
  await transitionTraining(db, id, 'succeeded', { fencing_token, patch: { result } })
  const outcome = await execution.result()
  const { call } = await connectAgent('2026-07-28', { url })
  const { text, structuredContent } = await call('get_training', { training: id })
  expect(text).toMatch(/succeeded\. Accuracy 75\.0 %\./)
  expect(outcome).toMatchObject({
    status: 'completed',
    result: { content: [{ type: 'text', text }], structuredContent, resultType: 'complete' },
  })
})

test.each<[string, ErrorCode, object]>([
  [
    'an error that the agent can fix is the result of the task',
    'training_diverged',
    { status: 'completed', result: { isError: true } },
  ],
  ['an internal error fails the task', 'internal', { status: 'failed', error: { code: -32603 } }],
])('if a training fails, %s', async (_, code, expected) => {
  const { execution, id, db } = await launchTask()
  const { fencing_token } = (await claimTraining(db, id, 'test')) as { fencing_token: number }
  const detail = { subject: 'step 3', expected: 'a finite loss', found: 'NaN', fix: 'Lower the learning rate.' }
  await transitionTraining(db, id, 'failed', { fencing_token, error: toPlain(new GraftError(code, detail)) })
  const outcome = await execution.result()
  expect(outcome).toMatchObject(expected)
  expect(JSON.stringify('error' in outcome ? outcome.error.message : outcome)).toMatch(
    /step 3: expected a finite loss, but found NaN\. Lower the learning rate\./,
  )
})

test('cancelling a task cancels its training, also if it is repeated', async () => {
  const { url, execution, id, agent } = await launchTask()
  for (let times = 0; times < 2; times++) await agent.task(execution.handle.taskId).cancel()
  expect(await execution.result()).toMatchObject({ status: 'cancelled' })
  const { call } = await connectAgent('2026-07-28', { url })
  expect((await call('get_training', { training: id })).structuredContent).toMatchObject({
    training: { status: 'cancelled' },
  })
})

test('the same idempotency key returns the same task, and a plan or an invalid call returns a result', async () => {
  const { url, films, id } = await launchTask({ idempotency_key: 'once' })
  const agent = connectTaskAgent({ url })
  const again = await agent.callTool('launch_training', { dataset: films, idempotency_key: 'once' })
  expect(again.handle?.taskId).toBe(id)
  const other = await agent.callTool('launch_training', { dataset: films, idempotency_key: 'once', rank: 2 })
  expect(other.kind).toBe('immediate')
  expect(await other.result()).toMatchObject({ result: { isError: true } })
  const list = await agent.callTool('list_datasets', {})
  expect(list.kind).toBe('immediate')
  await list.close()
})

test('a comparison is also a task', async () => {
  const { agent, films, platform } = await launchTask()
  const began = performance.now()
  const execution = await agent.callTool('compare_adapters', { adapters: ['imdb', 'other'], dataset: films })
  expect(performance.now() - began).toBeLessThan(5000)
  const id = execution.handle?.taskId as string
  // A comparison cannot be cancelled, but the request is accepted.
  await agent.task(id as never).cancel()
  await updateShortWork(platform.store.db, 'comparison', id, { status: 'cancelled' })
  expect(await execution.result()).toMatchObject({ status: 'cancelled' })
})

test('a client that does not accept tasks gets plain results, and its requests for tasks are rejected', async () => {
  const { url, id, films } = await launchTask()
  const { call, client } = await connectAgent('2026-07-28', { url })
  expect((await call('launch_training', { dataset: films })).structuredContent).toMatchObject({
    training: { status: 'queued' },
  })
  expect(client.getServerCapabilities()).toMatchObject({ extensions: { [EXTENSION]: {} } })
  const required = { code: -32021, data: { requiredCapabilities: { extensions: { [EXTENSION]: {} } } } }
  for (const [method, params] of [
    ['tasks/get', { taskId: id }],
    ['tasks/cancel', { taskId: id }],
    ['tasks/update', { taskId: id, inputResponses: {} }],
    ['subscriptions/listen', { notifications: { taskIds: [id] } }],
  ] as const)
    expect(await sendRequest({ url }, { method, params: params as never }), method).toMatchObject({
      status: 400,
      error: required,
    })
  const older = await connectAgent('2025-11-25', { url })
  expect(older.client.getServerCapabilities()).not.toHaveProperty('extensions')
  expect((await older.call('launch_training', { dataset: films })).structuredContent).toHaveProperty('training')
})

test('an unknown task and a key without the scope are rejected', async () => {
  const { url } = await launchTask()
  const unknownTask = { code: -32602, data: { code: 'task_unknown' } }
  for (const taskId of ['none', 'films', '019a0000-0000-7000-8000-000000000000', 'a\0b'])
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
      const name = /^[\x20-\x7e]*$/.test(taskId) ? taskId : `=?base64?${Buffer.from(taskId).toString('base64')}?=`
      const params = { taskId, ...(method === 'tasks/update' && { inputResponses: {} }), ...acceptingTasks }
      expect(await sendRequest({ url }, { method, params }, { 'mcp-name': name }), taskId).toMatchObject({
        error: unknownTask,
      })
    }
  const { url: locked } = await startMcp({
    access: { hasKeys: async () => true, verify: async () => ({ owner: 'one', scopes: ['predict'] }) },
  })
  const reply = await sendRequest(
    { url: locked, key: 'graft_p' },
    { method: 'tasks/get', params: { taskId: 'none', ...acceptingTasks } },
  )
  expect(reply.error).toMatchObject({
    code: -32602,
    message: expect.stringMatching(/^scope_missing: .*the scope train/),
  })
})
