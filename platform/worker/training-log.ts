import type { TrainingEvent } from '../../training/events.ts'
import type { NewEvent } from '../store/training-events.ts'
import type { Recorder } from './recorder.ts'

/** The approximate number of step events that are stored for a training. A chart of its loss needs no more. */
const TARGET_STEP_EVENTS = 200

/**
 * Returns a listener that records the events of a training that are worth a row: its plan, some of its steps, and its
 * evaluations. The selection depends only on the numbers of the steps, so a slice that repeats steps adds no events for
 * them.
 * @param lastStep the last step that has an event already
 */
export function createTrainingLog({ record }: Recorder, lastStep: number): (event: TrainingEvent) => void {
  let last = lastStep
  return (event) => {
    if (event.type === 'plan') record({ plan: event.plan }, [keyed('plan', event)])
    else if (event.type === 'evaluation') record({}, [keyed(`evaluation:${event.step}`, event)])
    else if (event.type === 'step') {
      const { step, steps, loss, reviews_per_second, seconds_left } = event
      const interval = Math.max(1, Math.floor(steps / TARGET_STEP_EVENTS))
      const due = step > last && (step === steps || Math.floor(step / interval) > Math.floor(last / interval))
      record(
        { progress: { step, total_steps: steps, reviews_per_second, seconds_left, loss } },
        due ? [keyed(`step:${step}`, event)] : [],
      )
      if (due) last = step
    }
  }
}

/** Returns the event with a key, so that a write that is retried after its answer was lost stores the event once. */
const keyed = (key: string, event: NewEvent['event']): NewEvent => ({ key, event })
