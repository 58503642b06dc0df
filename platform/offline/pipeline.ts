import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fail, fromPlain } from '../../core/errors.ts'
import type { PipelineMessage } from '../../training/pipeline/child.ts'
import type { Pipeline, PipelineRequest } from '../../training/pipeline/pipeline.ts'
import { earlyExitError, startChild } from './start-child.ts'

/** The name of a repository on the Hub. */
const HUB_NAME = /^[\w.-]+(?:\/[\w.-]+)?$/

/**
 * Returns where a pipeline is: in a folder, or on the Hub.
 * @throws GraftError `file_missing` if it is neither a folder nor a name that the Hub could have
 */
export function locatePipeline(nameOrFolder: string): Pick<Pipeline, 'model' | 'isFolder'> {
  if (existsSync(nameOrFolder) && statSync(nameOrFolder).isDirectory())
    return { model: resolve(nameOrFolder), isFolder: true }
  if (HUB_NAME.test(nameOrFolder)) return { model: nameOrFolder, isFolder: false }
  return fail('file_missing', {
    subject: nameOrFolder,
    problem: 'is not a folder, nor the name of a repository on the Hub',
    fix: 'Check the path, or write OWNER/NAME.',
  })
}

/** The folder of Hugging Face's downloads. */
const hubCache = (): string => join(process.env.HF_HOME ?? join(homedir(), '.cache', 'huggingface'), 'transformers.js')

/**
 * Classifies texts with a pipeline in a child process, because it blocks its thread.
 * @param onProgress called with the number of texts classified so far
 * @returns the probabilities of each text, in the order of the targets
 * @throws GraftError `pipeline_invalid`; `comparison_failed` if the process exits early
 */
export async function classifyWithPipeline(
  request: Omit<PipelineRequest, 'cache'>,
  onProgress: (done: number) => void,
): Promise<number[][]> {
  let probabilities: number[][] | undefined
  let failure: Error | undefined
  const onMessage = (message: PipelineMessage) => {
    if ('done' in message) onProgress(message.done)
    else if ('error' in message) failure = fromPlain(message.error)
    else probabilities = message.probabilities
  }
  await startChild('training/pipeline/child', { ...request, cache: hubCache() }, onMessage).exited
  if (failure) throw failure
  if (!probabilities) throw earlyExitError('comparison_failed', 'pipeline')
  return probabilities
}
