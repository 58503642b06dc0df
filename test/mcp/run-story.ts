import { inspect } from 'node:util'
import type { Answer, Progress } from './agents.ts'

export interface Chapter {
  heading: string
  tool: string
  args: Record<string, unknown>
  answer: Answer
  /** The document shows only the summary, because the rest depends on how far the worker is. */
  summaryOnly?: boolean
}

export type CallTool = (
  tool: string,
  args: Record<string, unknown>,
  onprogress?: (progress: Progress) => void,
) => Promise<Answer>

export interface Story {
  chapters: Chapter[]
  progress: Progress[]
}

export interface StoryOptions {
  call: CallTool
  /** Another client of the same home. Defaults to the same one. */
  callOfOther?: CallTool
  /** The name of the adapter. */
  name: string
  /** The name of the data set to train on, and the beginning of that to measure on. */
  films: string
  alias: string
  /** Returns the argument with the reviews of one of the two data sets. */
  reviewsOf(part: 'train' | 'test'): Record<string, unknown>
  /** The settings of the trainings. */
  settings: Record<string, unknown>
}

/**
 * Works as an agent does that has only what the tools return: adds data, plans, launches and waits, then classifies,
 * measures, compares, promotes and counts.
 */
export async function runStory({ call, callOfOther = call, name, films, alias, ...options }: StoryOptions) {
  const chapters: Chapter[] = []
  const progress: Progress[] = []
  const step = async (
    heading: string,
    tool: string,
    args: Record<string, unknown>,
    { by = call, summaryOnly = false } = {},
  ) => {
    chapters.push({ heading, tool, args, answer: await by(tool, args), summaryOnly })
  }
  const shortly = { summaryOnly: true }
  const test = `${films}-test`
  const training = { dataset: films, test_dataset: test, method: 'lora', rank: 8, ...options.settings }
  const launch = { ...training, name, idempotency_key: `launch-${name}` }

  await step('List the data sets.', 'list_datasets', {})
  await step('Add reviews to train on.', 'add_dataset', { name: films, ...options.reviewsOf('train') })
  await step('Add other reviews to measure on.', 'add_dataset', { name: test, ...options.reviewsOf('test') }, shortly)
  await step('Plan a training.', 'launch_training', { ...training, plan_only: true })
  await step('Launch the training.', 'launch_training', launch, shortly)
  await step('Repeat the call, as after a time-out. It starts nothing twice.', 'launch_training', launch, shortly)
  await step('The same key with other arguments is a conflict.', 'launch_training', { ...launch, rank: 4 })
  const wait = async (heading: string, training: string, { by = call, summaryOnly = false } = {}) => {
    const args = { training, wait_seconds: 30 }
    for (;;) {
      const answer = await by('get_training', args, (update) => progress.push(update))
      if (/^Training \S+ (is waiting|is at|has started)/.test(answer.summary)) continue
      chapters.push({ heading, tool: 'get_training', args, answer, summaryOnly })
      return
    }
  }
  await wait('Wait for the training.', name)
  const reviews = ['A joy from start to finish.', 'Two hours I want back.']
  await step('Try the adapter.', 'classify_reviews', { reviews, adapter: name })
  const second = `${name}-1`
  const smaller = { ...launch, name: second, rank: 1, idempotency_key: `launch-${second}` }
  const byOther = { by: callOfOther, summaryOnly: true }
  await step('Another client of the same home launches a smaller adapter.', 'launch_training', smaller, byOther)
  await wait('It waits for that training.', second, byOther)
  await step('The first client sees both trainings.', 'list_trainings', { limit: 2 }, shortly)
  await step('Measure the smaller adapter.', 'evaluate_adapter', { adapter: second, dataset: test })
  await step('Compare both adapters.', 'compare_adapters', { adapters: [name, second], dataset: test }, shortly)
  await step('Promote one of them.', 'promote_adapter', { alias, adapter: second })
  const ask = { reviews, adapter: alias }
  await step('The other client uses it by its alias.', 'classify_reviews', ask, { by: callOfOther })
  await step('List the newest adapter.', 'list_adapters', { limit: 1 })
  const adapter = { method: 'bottleneck', bottleneck: 8, base: 't5-small' }
  await step('Count the parameters of an adapter on T5-small.', 'count_parameters', adapter)
  await step('The error of an invalid call shows a valid one.', 'count_parameters', { method: 'lora', rank: 'eight' })
  return { chapters, progress } satisfies Story
}

/** Formats a story for docs/mcp.md. Its results are what the text of each has, as JSON. */
export const toMarkdown = ({ chapters }: Story): string =>
  chapters
    .map(({ heading, tool, args, answer, summaryOnly }) => {
      const { isError, text, summary } = answer
      const shown =
        isError || summaryOnly ? summary : inspect(JSON.parse(text), { depth: null, compact: 4, breakLength: 130 })
      return `${heading}\n\n    ${`> ${tool} ${JSON.stringify(args)}\n${shown}`.replaceAll('\n', '\n    ')}\n`
    })
    .join('\n')

/** Masks what differs between machines: ids, times and measured numbers. */
export const maskVolatile = (markdown: string): string =>
  markdown
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replace(/[0-9a-f]{64}/g, 'DIGEST')
    .replace(/launch-[0-9a-f]{8}\b/g, 'launch-KEY')
    .replace(/ is (queued|running)\./g, ' is STATUS.')
    .replace(/\[ ?-?[\d.]+, -?[\d.]+ ?\]/g, 'INTERVAL')
    .replace(/\([^()]*\d wins against \d+\)/g, '(MEASURED)')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\d positive, \d negative|2 (positive|negative)/g, 'LABELS')
    .replace(/(?<=: |about |Accuracy |under |on |\(|and |by accuracy \S+ |, \S+ |\[ )-?\d[\d.]*(e-?\d+)?/g, '#')
    .replace(/\s+/g, ' ')
