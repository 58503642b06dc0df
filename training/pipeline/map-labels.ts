import { fail } from '../../core/errors.ts'
import { listLabels } from '../../core/label-rule.ts'
import { findSentiments } from '../../model/sentiment.ts'

/** The label that each label of a pipeline means. Other labels of the pipeline are not counted. */
export type LabelMap = ReadonlyMap<string, string>

/**
 * Finds out what the labels of a pipeline mean: by `given`, or by equal names without regard to case, or because both
 * lists are scales of sentiment, such as NEGATIVE and POSITIVE, LABEL_0 and LABEL_1, or neg and pos.
 * @param found the labels of the pipeline
 * @param targets the labels to predict
 * @param given the target of each of the pipeline's labels. Several may have the same target
 * @throws GraftError `pipeline_invalid` unless every target has a label
 */
export function mapLabels(
  found: readonly string[],
  targets: readonly string[],
  pipeline: string,
  given?: Readonly<Record<string, string>>,
): LabelMap {
  if (given) requireKnownTargets(targets, pipeline, given)
  const map = given ? mapAsGiven(found, given) : (mapByName(found, targets) ?? mapByScale(found, targets))
  const missing = targets.find((target) => ![...map.values()].includes(target))
  if (missing === undefined) return map
  return fail('pipeline_invalid', {
    subject: `the pipeline ${pipeline}`,
    expected: given ? `a label of the pipeline that means ${missing}` : `labels that mean ${listLabels(targets)}`,
    found: `the labels ${listLabels(found)}`,
    fix: `Say what each of them means: --pipeline-labels ${JSON.stringify(`${found[0]}=${targets[0]}`)}, with a comma between pairs, or labels in a request.`,
  })
}

/**
 * Returns the probabilities of the targets, from the scores of a pipeline's labels. They sum to 1 although some labels
 * may not count.
 */
export function scoresOf(
  scores: readonly { label: string; score: number }[],
  targets: readonly string[],
  map: LabelMap,
): number[] {
  const sums = targets.map((target) =>
    scores.reduce((sum, { label, score }) => sum + (map.get(label) === target ? score : 0), 0),
  )
  const total = sums.reduce((a, b) => a + b, 0)
  return sums.map((sum) => (total > 0 ? sum / total : 1 / targets.length))
}

/**
 * Requires that the labels given for a pipeline mean labels that exist.
 * @throws GraftError `pipeline_invalid`
 */
export function requireKnownTargets(
  targets: readonly string[],
  pipeline: string,
  given: Readonly<Record<string, string>>,
): void {
  const unknown = Object.values(given).find((target) => !targets.includes(target))
  if (unknown === undefined) return
  fail('pipeline_invalid', {
    subject: `the labels given for the pipeline ${pipeline}`,
    expected: `only ${listLabels(targets)} as their meaning, which all adapters know`,
    found: unknown,
    fix: 'Write --pipeline-labels PIPELINE_LABEL=LABEL, or labels {"PIPELINE_LABEL": "LABEL"} in a request.',
  })
}

function mapAsGiven(found: readonly string[], given: Readonly<Record<string, string>>): LabelMap {
  return new Map(found.flatMap((label) => (Object.hasOwn(given, label) ? [[label, given[label]] as const] : [])))
}

function mapByName(found: readonly string[], targets: readonly string[]): LabelMap | undefined {
  const pairs = found.flatMap((label) => {
    const target = targets.find((name) => name.toLowerCase() === label.toLowerCase())
    return target === undefined ? [] : [[label, target] as const]
  })
  return pairs.length === targets.length && pairs.length === found.length ? new Map(pairs) : undefined
}

function mapByScale(found: readonly string[], targets: readonly string[]): LabelMap {
  const [theirs, ours] = [findSentiments(found), findSentiments(targets)]
  if (!theirs || !ours || theirs.size !== ours.size) return new Map()
  const targetAt = new Map([...ours].map(([label, position]) => [position, label]))
  return new Map(
    [...theirs].flatMap(([label, position]) => {
      const target = targetAt.get(position)
      return target === undefined ? [] : [[label, target] as const]
    }),
  )
}
