import { inspect } from 'node:util'
import type { Answer, Progress } from './agents.ts'

export interface Chapter {
  say: string
  tool: string
  args: Record<string, unknown>
  answer: Answer
  /** Its answer hangs on how far the worker is; the document shows the text alone. */
  textAlone?: boolean
}

type Ask = (tool: string, args: Record<string, unknown>, onprogress?: (progress: Progress) => void) => Promise<Answer>

export interface Story {
  chapters: Chapter[]
  progress: Progress[]
}

/**
 * What an agent does with the data sets `films` and `films-test`: it looks, plans, launches, waits, classifies, compares and counts.
 * @param settings of the training
 */
export async function tellStory(ask: Ask, name: string, settings: Record<string, unknown>): Promise<Story> {
  const chapters: Chapter[] = []
  const progress: Progress[] = []
  const then = async (say: string, tool: string, args: Record<string, unknown>, textAlone = false) => {
    chapters.push({ say, tool, args, answer: await ask(tool, args), textAlone })
  }
  const training = { dataset: 'films', test_dataset: 'films-test', method: 'lora', rank: 8, ...settings }
  const launch = { ...training, name, idempotency_key: `launch-${name}` }

  await then('What is there to train on?', 'list_datasets', {})
  await then('What would it do?', 'launch_training', { ...training, plan_only: true })
  await then('Launch it.', 'launch_training', launch, true)
  await then('Once more, as after a call that was cut off: nothing is started.', 'launch_training', launch, true)
  await then('The same key for something else is a conflict.', 'launch_training', { ...launch, rank: 4 })
  const wait = async (say: string, training: string, textAlone = false) => {
    const args = { training, wait_seconds: 30 }
    for (;;) {
      const answer = await ask('get_training', args, (told) => progress.push(told))
      if (/^Training \S+ (waits|is at|has begun)/.test(answer.text)) continue
      chapters.push({ say, tool: 'get_training', args, answer, textAlone })
      return
    }
  }
  await wait('Wait for it.', name)
  const reviews = ['A joy from start to finish.', 'Two hours I want back.']
  await then('Try it.', 'classify_reviews', { reviews, adapter: name })
  const second = `${name}-1`
  const smaller = { ...launch, name: second, rank: 1, idempotency_key: `launch-${second}` }
  await then('Would a smaller one do?', 'launch_training', smaller, true)
  await wait('Wait for that, too.', second, true)
  await then('Which is better?', 'compare_adapters', { adapters: [name, second], dataset: 'films-test' }, true)
  await then('What did it train, and what does it stand beside?', 'list_adapters', { limit: 1 })
  await then('What would that be on the real T5-small?', 'count_parameters', { method: 'lora', rank: 8 })
  await then('A wrong call tells the right one.', 'count_parameters', { method: 'lora', rank: 'eight' })
  return { chapters, progress }
}

/** As docs/mcp.md shows it. */
export const asMarkdown = ({ chapters }: Story): string =>
  chapters
    .map(({ say, tool, args, answer, textAlone }) => {
      const { structuredContent: shown, text } = answer
      const structured = shown && !textAlone ? `\n${inspect(shown, { depth: null, compact: 4, breakLength: 130 })}` : ''
      return `${say}\n\n    ${`> ${tool} ${JSON.stringify(args)}\n${text}${structured}`.replaceAll('\n', '\n    ')}\n`
    })
    .join('\n')

/** What two machines tell alike: ids, times and measured numbers are left out. */
export const masked = (markdown: string): string =>
  markdown
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
    .replace(/[0-9a-f]{64}/g, 'DIGEST')
    .replace(/ is (queued|running)\. Follow/g, ' is there. Follow')
    .replace(/\[ ?-?[\d.]+, -?[\d.]+ ?\]/g, 'INTERVAL')
    .replace(/\([^()]*\d wins against \d+\)/g, '(MEASURED)')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/(?<=: |about |Accuracy |under |on |\(|and |by accuracy \S+ |, \S+ |\[ )-?\d[\d.]*(e-?\d+)?/g, '#')
    .replace(/\s+/g, ' ')
