/** The reported loss is a running mean over about this many steps. */
const LOSS_WINDOW_STEPS = 50

/**
 * Returns the running mean of losses after another one. Early in a training, it is the mean of all steps so far.
 * @param step the number of the loss, from 1
 */
export const updateMean = (mean: number, loss: number, step: number): number =>
  mean + (loss - mean) / Math.min(step, LOSS_WINDOW_STEPS)
