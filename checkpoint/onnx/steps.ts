import { fail } from '../../core/errors.ts'
import type { EncoderDecoder, Generation, Model } from '../../model/architecture.ts'
import { modelOf } from '../../model/architectures.ts'
import type { Base } from '../base.ts'

/** A model that runs step by step. */
export interface Steps {
  readonly model: Model
  readonly parts: EncoderDecoder
  readonly generation: Generation
}

/** @throws GraftError `checkpoint_config` if the model of the base is not an encoder with a decoder */
export function stepsOf(base: Base): Steps {
  const model = modelOf(base)
  const { encoderDecoder: parts, generation } = model
  if (parts && generation) return { model, parts, generation }
  return fail('checkpoint_config', {
    subject: 'the format onnx',
    expected: 'a base that is an encoder with a decoder, such as T5',
    found: model.config.architecture,
    fix: 'Export it in another format.',
  })
}
