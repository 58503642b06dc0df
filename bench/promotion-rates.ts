import { random } from '../core/random.ts'
import { pairedBootstrap } from '../training/comparison/bootstrap.ts'

// How often a guard lets an adapter pass that is worse by just what it allows, and one that is as good. The draws are the same in every run.

const DRAWS = 10_000

/** Reviews; chances that the new one alone, and that the old one alone, is right; loss allowed. */
const cases = [
  [500, 0.02, 0.04, 0.02],
  [1000, 0.03, 0.04, 0.01],
  [2000, 0.03, 0.04, 0.01],
  [5000, 0.03, 0.04, 0.01],
  [5000, 0.01, 0.02, 0.01],
] as const

for (const [n, winning, losing, margin] of cases) {
  const { uniform } = random(n, 'promotion')
  const known = new Map<number, boolean>()
  const passes = (wins: number, losses: number): boolean => {
    const key = wins * (n + 1) + losses
    const passed = known.get(key) ?? pairedBootstrap({ n, wins, losses })[0] >= -margin
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
  const wrongly = share(winning, losing)
  const rightly = share((winning + losing) / 2, (winning + losing) / 2)
  console.log(JSON.stringify({ reviews: n, winning, losing, margin, wrongly, rightly }))
}
