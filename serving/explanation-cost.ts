/**
 * How many times as much a token costs at a point of an explanation as in a prediction: the gradient takes about twice
 * as long as the forward pass. Batches of points have as many times fewer tokens, so that they keep a thread for as
 * long as others, and clients are charged for as many times more.
 */
export const POINT_COST = 3

/** The points for which an explanation is counted, before it is known how many it needs. */
const USUAL_POINTS = 41

/** The texts for which an explanation counts where the work of clients is limited. */
export const EXPLANATION_COST = POINT_COST * USUAL_POINTS
