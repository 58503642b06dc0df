import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Round {
  seconds: number
  reviews: number
  loss: number
  peak_rss_mb: number
}

/** A process that takes training steps when asked, over JSON lines (bench/peers/train_step.py tells the protocol). */
export interface Contestant {
  readonly name: string
  /** How it likes a step cut into micro-batches: tokens of each, padding included, and in multiples of how many. */
  readonly microTokens: number
  readonly microMultiple: number
  readonly ready: Record<string, unknown>
  round(microBatches: readonly number[][]): Promise<Round>
  close(): Promise<void>
}

export async function start(
  name: string,
  cut: Pick<Contestant, 'microTokens' | 'microMultiple'>,
  command: readonly string[],
  job: object,
): Promise<Contestant> {
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ask = async (message: object) => {
    child.stdin.write(`${JSON.stringify(message)}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`${name} ended without an answer`)
    const answer = JSON.parse(value)
    if (answer.error) throw new Error(`${name}: ${answer.error}`)
    return answer
  }
  return {
    name,
    ...cut,
    ready: await ask(job),
    round: (microBatches) => ask({ round: microBatches }),
    close: async () => {
      child.stdin.end(`${JSON.stringify({ quit: true })}\n`)
      await exited
    },
  }
}
