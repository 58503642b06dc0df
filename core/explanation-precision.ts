/** The largest completeness error of an explanation, unless it runs out of points. */
export const MAX_COMPLETENESS_ERROR = 0.02

/** The points after which an explanation adds no more. */
export const MAX_POINTS = 513
