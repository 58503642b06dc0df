import { makeRandom } from '../core/random.ts'
import { pairedBootstrapInterval } from '../training/comparison/bootstrap.ts'

// Measures how often the guard of an alias accepts an adapter that is worse by exactly the allowed loss, and one that
// is equally good. The draws are the same in every run.

const DRAWS = 10_000

/**
 * Reviews; the probability that only the new adapter is right; that only the old one is; the allowed loss of accuracy.
 */
const cases = [
  [500, 0.02, 0.04, 0.02],
  [1000, 0.03, 0.04, 0.01],
  [2000, 0.03, 0.04, 0.01],
  [5000, 0.03, 0.04, 0.01],
  [5000, 0.01, 0.02, 0.01],
] as const

for (const [n, winning, losing, margin] of cases) {
  const { uniform } = makeRandom(n, 'promotion')
  const known = new Map<number, boolean>()
  const passes = (wins: number, losses: number): boolean => {
    const key = wins * (n + 1) + losses
    const passed = known.get(key) ?? pairedBootstrapInterval({ n, wins, losses })[0] >= -margin
    known.set(key, passed)
    return passed
  }
  const share = (win: number, loss: number): number => {
    let passed = 0
    for (let draw = 0; draw < DRAWS; draw++) {
      let [wins, losses] = [0, 0]
      for (let review = 0; review < n; review++) {
        const at = uniform()
        if (at < win) wins++
        else if (at < win + loss) losses++
      }
      passed += Number(passes(wins, losses))
    }
    return passed / DRAWS
  }
  const passedIfWorse = share(winning, losing)
  const passedIfEqual = share((winning + losing) / 2, (winning + losing) / 2)
  console.log(JSON.stringify({ reviews: n, winning, losing, margin, passedIfWorse, passedIfEqual }))
}
