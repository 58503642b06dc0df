import { inspect } from 'node:util'
import type { Answer, Progress } from './agents.ts'

export interface Chapter {
  heading: string
  tool: string
  args: Record<string, unknown>
  answer: Answer
  /** The document shows only the text, because the structured result depends on how far the worker is. */
  textOnly?: boolean
}

type CallTool = (
  tool: string,
  args: Record<string, unknown>,
  onprogress?: (progress: Progress) => void,
) => Promise<Answer>

export interface Story {
  chapters: Chapter[]
  progress: Progress[]
}

/**
 * Uses the data sets `films` and `films-test` as an agent does: lists them, plans, launches and waits, then classifies,
 * compares and counts.
 * @param settings the settings of the training
 */
export async function runStory(callTool: CallTool, name: string, settings: Record<string, unknown>): Promise<Story> {
  const chapters: Chapter[] = []
  const progress: Progress[] = []
  const step = async (heading: string, tool: string, args: Record<string, unknown>, textOnly = false) => {
    chapters.push({ heading, tool, args, answer: await callTool(tool, args), textOnly })
  }
  const training = { dataset: 'films', test_dataset: 'films-test', method: 'lora', rank: 8, ...settings }
  const launch = { ...training, name, idempotency_key: `launch-${name}` }

  await step('List the data sets.', 'list_datasets', {})
  await step('Plan a training.', 'launch_training', { ...training, plan_only: true })
  await step('Launch the training.', 'launch_training', launch, true)
  await step('Repeat the call, as after a time-out. It starts nothing twice.', 'launch_training', launch, true)
  await step('The same key with other arguments is a conflict.', 'launch_training', { ...launch, rank: 4 })
  const wait = async (heading: string, training: string, textOnly = false) => {
    const args = { training, wait_seconds: 30 }
    for (;;) {
      const answer = await callTool('get_training', args, (update) => progress.push(update))
      if (/^Training \S+ (is waiting|is at|has started)/.test(answer.text)) continue
      chapters.push({ heading, tool: 'get_training', args, answer, textOnly })
      return
    }
  }
  await wait('Wait for the training.', name)
  const reviews = ['A joy from start to finish.', 'Two hours I want back.']
  await step('Try the adapter.', 'classify_reviews', { reviews, adapter: name })
  const second = `${name}-1`
  const smaller = { ...launch, name: second, rank: 1, idempotency_key: `launch-${second}` }
  await step('Launch a smaller adapter.', 'launch_training', smaller, true)
  await wait('Wait for that training.', second, true)
  await step('Compare both adapters.', 'compare_adapters', { adapters: [name, second], dataset: 'films-test' }, true)
  await step('List the newest adapter.', 'list_adapters', { limit: 1 })
  await step('Count the parameters on T5-small.', 'count_parameters', { method: 'lora', rank: 8 })
  await step('The error of an invalid call shows a valid one.', 'count_parameters', { method: 'lora', rank: 'eight' })
  return { chapters, progress }
}

/** Formats a story for docs/mcp.md. */
export const toMarkdown = ({ chapters }: Story): string =>
  chapters
    .map(({ heading, tool, args, answer, textOnly }) => {
      const { structuredContent, text } = answer
      const structured =
        structuredContent && !textOnly
          ? `\n${inspect(structuredContent, { depth: null, compact: 4, breakLength: 130 })}`
          : ''
      return `${heading}\n\n    ${`> ${tool} ${JSON.stringify(args)}\n${text}${structured}`.replaceAll('\n', '\n    ')}\n`
    })
    .join('\n')

/** Masks what differs between machines: ids, times and measured numbers. */
export const maskVolatile = (markdown: string): string =>
  markdown
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replace(/[0-9a-f]{64}/g, 'DIGEST')
    .replace(/ is (queued|running)\. Next call/g, ' is STATUS. Next call')
    .replace(/\[ ?-?[\d.]+, -?[\d.]+ ?\]/g, 'INTERVAL')
    .replace(/\([^()]*\d wins against \d+\)/g, '(MEASURED)')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/(?<=: |about |Accuracy |under |on |\(|and |by accuracy \S+ |, \S+ |\[ )-?\d[\d.]*(e-?\d+)?/g, '#')
    .replace(/\s+/g, ' ')
