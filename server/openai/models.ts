import { z } from 'zod'
import type { Platform } from '../../platform/platform.ts'
import type { Adapter } from '../../platform/schemas/adapters.ts'
import { MAX_PAGE_SIZE, type PageRequest } from '../../platform/schemas/common.ts'
import { getAdapter, listAdapters, removeAdapter } from '../../platform/use-cases/adapters.ts'
import { listBases } from '../../platform/use-cases/bases.ts'
import { json, type Route, route } from '../route.ts'
import { openaiErrorFormat } from './errors.ts'
import { toUnixSeconds } from './ids.ts'

const model = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: z.int().describe('Unix time in seconds.'),
  owned_by: z
    .string()
    .describe('system for a base, which can be fine-tuned; graft for an adapter or alias, which can classify.'),
})
type Model = z.infer<typeof model>

const modelList = z.strictObject({ object: z.literal('list'), data: z.array(model) })
const modelDeleted = z.strictObject({ id: z.string(), object: z.literal('model'), deleted: z.literal(true) })

const params = { model: 'Name of the model.' }
const common = { tag: 'OpenAI', errorFormat: openaiErrorFormat } as const

/** Returns OpenAI's model routes. Models are bases, adapters and aliases. */
export const modelRoutes = (platform: Platform): Route[] => [
  route({
    ...common,
    method: 'GET',
    path: '/v1/models',
    summary: 'List models',
    description: 'Models are bases, which can be fine-tuned, and adapters and aliases, which can classify.',
    scope: 'predict',
    responses: { 200: { description: 'Returns all models.', schema: modelList } },
    async handle() {
      const data = [
        ...(await listAll((page) => listBases(platform, page))).map(({ name, created_at }) =>
          toModel(name, created_at, 'system'),
        ),
        ...(await listAll((page) => listAdapters(platform, page))).flatMap((adapter) =>
          [adapter.name, ...adapter.aliases].map((name) => toAdapterModel(name, adapter)),
        ),
      ]
      return json({ object: 'list', data } satisfies z.infer<typeof modelList>)
    },
  }),
  route({
    ...common,
    method: 'GET',
    path: '/v1/models/{model}',
    summary: 'Get a model',
    scope: 'predict',
    params,
    responses: { 200: { description: 'Returns the model.', schema: model } },
    errors: ['adapter_unknown'],
    async handle({ params: { model } }) {
      const base = (await listAll((page) => listBases(platform, page))).find(({ name }) => name === model)
      return json(
        base ? toModel(base.name, base.created_at, 'system') : toAdapterModel(model, await getAdapter(platform, model)),
      )
    },
  }),
  route({
    ...common,
    method: 'DELETE',
    path: '/v1/models/{model}',
    summary: 'Delete a fine-tuned model',
    scope: 'train',
    params,
    responses: { 200: { description: 'Confirms the deletion.', schema: modelDeleted } },
    errors: ['adapter_unknown', 'in_use'],
    async handle({ params: { model } }) {
      await removeAdapter(platform, model)
      return json({ id: model, object: 'model', deleted: true } satisfies z.infer<typeof modelDeleted>)
    },
  }),
]

const toModel = (id: string, created_at: string, owned_by: string): Model => ({
  id,
  object: 'model',
  created: toUnixSeconds(created_at),
  owned_by,
})

const toAdapterModel = (name: string, { created_at }: Adapter): Model => toModel(name, created_at, 'graft')

/** Returns every item of a list. OpenAI's list of models has no pages. */
async function listAll<T>(list: (page: PageRequest) => Promise<{ data: T[]; next_cursor?: string }>): Promise<T[]> {
  const items: T[] = []
  for (let cursor: string | undefined; ; ) {
    const { data, next_cursor } = await list({ limit: MAX_PAGE_SIZE, cursor })
    items.push(...data)
    if (next_cursor === undefined) return items
    cursor = next_cursor
  }
}
