import { z } from 'zod'
import { label, labelRecord } from '../../core/label-rule.ts'
import { exactObject } from './common.ts'

/**
 * The name of a repository on the hub. No part of it starts with a dot, so it cannot lead out of a folder.
 */
const HUB_NAME = /^([A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?\/)?[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/
const HUB_NAME_EXPECTED = 'the name of a repository on the hub, such as OWNER/NAME, and not a path'

export const hubName = z.string({ error: HUB_NAME_EXPECTED }).regex(HUB_NAME, HUB_NAME_EXPECTED)

/** Returns whether a text could be the name of a repository on the hub. */
export const isHubName = (text: string): boolean => HUB_NAME.test(text)

/** The element types of weights, by their names in transformers.js. */
export const pipelineDtype = z.enum(['fp32', 'fp16', 'q8', 'int8', 'uint8', 'q4', 'bnb4', 'q4f16'])

/** The label that each label of a pipeline means. */
export const pipelineLabels = labelRecord(label)

export const pipelineRequest = exactObject({
  model: hubName.describe('The name of its repository on the hub. Folders of the server are not read.'),
  labels: pipelineLabels
    .optional()
    .describe('The label of the adapters that each of its labels means. Defaults to finding it by their names.'),
  dtype: pipelineDtype
    .optional()
    .describe('The element type of its weights, which selects its files. Defaults to fp32.'),
})
export type PipelineRequest = z.infer<typeof pipelineRequest>

/** A pipeline in a comparison. */
export const comparedPipeline = z.strictObject({
  name: z.string().describe('Its name in the result: the model, with a number if the name is taken.'),
  model: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  dtype: pipelineDtype.optional(),
})
export type ComparedPipeline = z.infer<typeof comparedPipeline>
