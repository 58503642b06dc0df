import { chooseWeightsFile, configFiles, detectLayout, findWeightsFiles } from '../../checkpoint/layouts.ts'
import { ADAPTER_LIMITS } from '../../checkpoint/limits.ts'
import { MANIFEST_FILE } from '../../checkpoint/manifest.ts'
import { CARD_FILE } from '../../checkpoint/model-card.ts'
import { fail } from '../../core/errors.ts'
import { type DownloadPlan, hasAll, modelWeights } from './base-plan.ts'

/** Chooses the files of an adapter or a full model, in the layout of any library. */
export const adapterPlan: DownloadPlan = {
  limits: ADAPTER_LIMITS,
  // As much as a server accepts in an upload.
  weightsBytes: 2 ** 30,
  async *filesOf(available, dir, subject) {
    const config = [...configFiles()].find((name) => available.has(name))
    if (config === undefined)
      return fail('checkpoint_config', {
        subject,
        expected: `a file ${[...configFiles()].join(' or ')}`,
        found: [...available].slice(0, 5).join(', ') || 'no files',
        fix: 'Name a repository of an adapter of PEFT, AdapterHub or OpenDelta, or of a full model.',
      })
    yield [config, MANIFEST_FILE, CARD_FILE].filter((name) => available.has(name))
    const { layout } = await detectLayout(dir, available)
    yield [...layout.copiedFromBase, ...(layout.head?.files ?? [])].filter((name) => available.has(name))
    if (layout.weightsFilesIn) yield* modelWeights(available, dir, ADAPTER_LIMITS)
    else yield [chooseWeightsFile(layout, available)]
  },
  isUsable: (dir) => hasAll(dir, async () => findWeightsFiles((await detectLayout(dir)).layout, dir)),
}
