import { z } from 'zod'
import { bagOfWords, bagOfWordsConfig } from './bag-of-words.ts'
import { cloze, clozeConfig } from './cloze.ts'
import { distribution, distributionConfig } from './distribution.ts'
import { keep, keepConfig } from './keep.ts'
import type { Objective, ObjectiveSetting } from './objective.ts'
import { regression, regressionConfig } from './regression.ts'
import { spanCorruption, spanCorruptionConfig } from './span-corruption.ts'

/** The configuration of any objective. To add one, write its file and list it here. */
export const objectiveConfig = z.discriminatedUnion('kind', [
  regressionConfig,
  distributionConfig,
  bagOfWordsConfig,
  clozeConfig,
  keepConfig,
  spanCorruptionConfig,
])

export type ObjectiveConfig = z.infer<typeof objectiveConfig>

/**
 * Makes an objective.
 * @throws GraftError if the corpus or the base lacks what the objective needs
 */
export function makeObjective(config: ObjectiveConfig, setting: ObjectiveSetting): Objective {
  switch (config.kind) {
    case 'regression':
      return regression(config, setting)
    case 'distribution':
      return distribution(config, setting)
    case 'bag_of_words':
      return bagOfWords(config, setting)
    case 'cloze':
      return cloze(config, setting)
    case 'keep':
      return keep(config, setting)
    case 'span_corruption':
      return spanCorruption(config, setting)
  }
}
