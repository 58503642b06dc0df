import type { TrainingEvent } from '../../training/events.ts'
import type { NewEvent } from '../store/training-events.ts'
import type { Recorder } from './recorder.ts'

/** Events of steps that a training keeps, about: whoever draws its curve needs no more. */
const STEP_EVENTS = 200

/**
 * Writes down what a training tells, as far as it is worth a row: its plan, some steps, the evaluations on the way. Which steps are
 * kept hangs on their numbers alone, so a slice that takes some again tells nothing new of them.
 * @param told the last step that is told of already
 */
export function trainingLog({ record: tell }: Recorder, told: number): (event: TrainingEvent) => void {
  let last = told
  return (event) => {
    if (event.type === 'plan') tell({ plan: event.plan }, [keyed('plan', event)])
    else if (event.type === 'point') tell({}, [keyed(`point:${event.point.step}`, event)])
    else if (event.type === 'step') {
      const { step, steps, loss, reviews_per_second, seconds_left } = event
      const every = Math.max(1, Math.floor(steps / STEP_EVENTS))
      const due = step > last && (step === steps || Math.floor(step / every) > Math.floor(last / every))
      tell(
        { progress: { step, total_steps: steps, reviews_per_second, seconds_left, loss } },
        due ? [keyed(`step:${step}`, event)] : [],
      )
      if (due) last = step
    }
  }
}

/** With a key: a write that was repeated, since the news of its success was lost, tells it once. */
const keyed = (key: string, event: NewEvent['event']): NewEvent => ({ key, event })
