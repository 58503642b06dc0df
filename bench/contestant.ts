import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** The result of one training step, or of classifying reviews. */
export interface Round {
  seconds: number
  reviews: number
  loss: number
  peak_rss_mb: number
}

/** A process that runs training steps on request, over JSON lines. bench/peers/train_step.py describes the protocol. */
export interface Contestant {
  readonly name: string
  /** Tokens of a micro-batch, with padding. */
  readonly microTokens: number
  /** The number of rows of a micro-batch is a multiple of this. */
  readonly microMultiple: number
  readonly ready: Record<string, unknown>
  round(microBatches: readonly number[][]): Promise<Round>
  close(): Promise<void>
}

/** Starts the process of a contestant and sends it the job. */
export async function startContestant(
  name: string,
  micro: Pick<Contestant, 'microTokens' | 'microMultiple'>,
  command: readonly string[],
  job: object,
): Promise<Contestant> {
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const request = async (message: object) => {
    child.stdin.write(`${JSON.stringify(message)}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`${name} exited without a reply`)
    const reply = JSON.parse(value)
    if (reply.error) throw new Error(`${name}: ${reply.error}`)
    return reply
  }
  return {
    name,
    ...micro,
    ready: await request(job),
    round: (microBatches) => request({ round: microBatches }),
    close: async () => {
      child.stdin.end(`${JSON.stringify({ quit: true })}\n`)
      await exited
    },
  }
}
