import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { fail, fromPlain } from '../../core/errors.ts'
import type { PipelineMessage } from '../../training/pipeline/child.ts'
import type { Pipeline, PipelineRequest } from '../../training/pipeline/pipeline.ts'
import { isHubName } from '../schemas/pipelines.ts'
import { distinctNames } from './folder-names.ts'
import { findPipelineCommit } from './pipeline-revision.ts'
import { earlyExitError, startChild } from './start-child.ts'

/**
 * Returns where a pipeline is: in a folder, or on the hub.
 * @throws GraftError `file_missing` if it is neither a folder nor a name that the hub could have
 */
export function locatePipeline(nameOrFolder: string): Pick<Pipeline, 'model' | 'isFolder'> {
  if (existsSync(nameOrFolder) && statSync(nameOrFolder).isDirectory())
    return { model: resolve(nameOrFolder), isFolder: true }
  if (isHubName(nameOrFolder)) return { model: nameOrFolder, isFolder: false }
  return fail('file_missing', {
    subject: nameOrFolder,
    problem: 'is not a folder, nor the name of a repository on the hub',
    fix: 'Check the path, or write OWNER/NAME.',
  })
}

/**
 * Adds a name to each pipeline: that of its folder or its repository, with a number if the name is taken.
 * @param taken the names of the adapters
 */
export function namePipelines<P extends Pick<Pipeline, 'model' | 'isFolder'>>(
  pipelines: readonly P[],
  taken: readonly string[],
): (P & { name: string })[] {
  const names = distinctNames(
    pipelines.map(({ model, isFolder }) => (isFolder ? basename(model) : model)),
    taken,
  )
  return pipelines.map((pipeline, i) => ({ ...pipeline, name: names[i] }))
}

/**
 * Requires that the operator allows pipelines, because a client can make a worker download any of them.
 * @throws GraftError `pipelines_disabled`
 */
export function requirePipelinesAllowed(allowed = false): void {
  if (!allowed)
    fail('pipelines_disabled', {
      subject: 'pipelines',
      problem: 'are not allowed on this server, because it would download them from the hub',
      fix: 'Ask its operator to start graft serve and graft worker with --allow-pipelines, or compare folders on your own machine: graft compare --checkpoint DIR --pipeline MODEL.',
    })
}

/** Returns the folder of Hugging Face's downloads. */
export const hubCache = (): string =>
  join(process.env.HF_HOME ?? join(homedir(), '.cache', 'huggingface'), 'transformers.js')

/** The result of a pipeline. */
interface PipelineFinding {
  /** The probabilities of each text, in the order of the targets. */
  probabilities: number[][]
  /** The commit of the repository that ran. Not set for a folder. */
  revision?: string
}

/**
 * Classifies texts with a pipeline in a child process, because it blocks its thread.
 * @param onProgress called with the number of texts classified so far
 * @throws GraftError `pipeline_invalid`, `hub_unavailable`; `comparison_failed` if the process exits early
 */
export async function classifyWithPipeline(
  request: Omit<PipelineRequest, 'cache' | 'revision'>,
  onProgress: (done: number) => void,
): Promise<PipelineFinding> {
  const cache = hubCache()
  const revision = request.isFolder ? undefined : await findPipelineCommit(request.model, cache)
  let probabilities: number[][] | undefined
  let failure: Error | undefined
  const onMessage = (message: PipelineMessage) => {
    if ('done' in message) onProgress(message.done)
    else if ('error' in message) failure = fromPlain(message.error)
    else probabilities = message.probabilities
  }
  await startChild('training/pipeline/child', { ...request, cache, revision }, onMessage).exited
  if (failure) throw failure
  if (!probabilities) throw earlyExitError('comparison_failed', 'pipeline')
  return { probabilities, ...(revision !== undefined && { revision }) }
}
