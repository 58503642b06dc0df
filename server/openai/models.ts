import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import type { PageRequest } from '../../platform/schemas/common.ts'
import { deleteAdapter, getAdapter, listAdapters } from '../../platform/use-cases/adapters.ts'
import { listBases } from '../../platform/use-cases/bases.ts'
import { json, type Route, route } from '../route.ts'
import { refusal } from './errors.ts'
import { seconds } from './ids.ts'

const model = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: z.int().describe('seconds since 1970'),
  owned_by: z.string().describe('system for a base, which can be tuned; otherwise it can answer'),
})
type Model = z.infer<typeof model>

const modelList = z.strictObject({ object: z.literal('list'), data: z.array(model) })
const modelDeleted = z.strictObject({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) })

const params = { model: 'its name' }
const declared = { tag: 'OpenAI', refusal } as const

/** OpenAI's models are bases, and adapters with their aliases. */
export const models = (platform: Platform): Route[] => [
  route({
    ...declared,
    method: 'GET',
    path: '/v1/models',
    summary: 'List models: bases to tune, and what answers',
    scope: 'predict',
    answers: { 200: { description: 'All there are', schema: modelList } },
    async handle() {
      const data = [
        ...(await all((page) => listBases(platform, page))).map(({ name, created_at }) =>
          modelOf(name, created_at, 'system'),
        ),
        ...(await all((page) => listAdapters(platform, page))).flatMap((adapter) =>
          [adapter.name, ...adapter.aliases].map((name) => adapterModel(name, adapter)),
        ),
      ]
      return json({ object: 'list', data } satisfies z.infer<typeof modelList>)
    },
  }),
  route({
    ...declared,
    method: 'GET',
    path: '/v1/models/{model}',
    summary: 'Get a model',
    scope: 'predict',
    params,
    answers: { 200: { description: 'The model', schema: model } },
    errors: ['adapter_unknown'],
    async handle({ params: { model } }) {
      const base = (await all((page) => listBases(platform, page))).find(({ name }) => name === model)
      return json(
        base ? modelOf(base.name, base.created_at, 'system') : adapterModel(model, await getAdapter(platform, model)),
      )
    },
  }),
  route({
    ...declared,
    method: 'DELETE',
    path: '/v1/models/{model}',
    summary: 'Delete a fine-tuned model',
    scope: 'train',
    params,
    answers: { 200: { description: 'It is deleted', schema: modelDeleted } },
    errors: ['adapter_unknown', 'in_use'],
    async handle({ params: { model } }) {
      await deleteAdapter(platform, model)
      return json({ id: model, object: 'model', deleted: true } satisfies z.infer<typeof modelDeleted>)
    },
  }),
]

const modelOf = (id: string, created_at: string, owned_by: string): Model => ({
  id,
  object: 'model',
  created: seconds(created_at),
  owned_by,
})

const adapterModel = (name: string, { created_at }: Adapter): Model => modelOf(name, created_at, 'graft')

/** Every item of a list: clients of OpenAI's ask for no pages here. */
async function all<T>(list: (page: PageRequest) => Promise<{ data: T[]; next_cursor?: string }>): Promise<T[]> {
  const items: T[] = []
  for (let cursor: string | undefined; ; ) {
    const { data, next_cursor } = await list({ limit: 100, cursor })
    items.push(...data)
    if (next_cursor === undefined) return items
    cursor = next_cursor
  }
}
