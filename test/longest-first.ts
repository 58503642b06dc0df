import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files that take longest, in the order in which they start. A run whose last file is long leaves a core idle
 * meanwhile.
 */
const LONGEST: readonly string[] = [
  // One process after the other takes from this list: here those of WebGPU meet in one, which keeps their shaders.
  'training/device-training',
  'hostile/hostile',
  'mcp/story',
  'training/probe',
  'server/schemathesis/schemathesis',
  'model/t5/t5',
  'graph/gradients',
  'platform/worker/trainings',
  'e2e/http-story',
  'platform/worker/kill',
  'cli/store',
  'cli/sweep',
  'e2e/serve',
  'contract/store/opening',
  'training/resume',
  'examples/examples',
  'platform/worker/comparisons',
  'platform/worker/evaluations',
  'serving/eviction',
  'training/train',
  'cli/results',
  'training/kill',
  'e2e/bad-input',
].map((name) => `test/${name}.test.ts`)

/** Starts the longest files first, whatever an earlier run found. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.findIndex((path) => moduleId.endsWith(path))
      return at < 0 ? LONGEST.length : at
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}
