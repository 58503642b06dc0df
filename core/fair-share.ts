/** The state of a limited amount that several callers share, and a request for a part of it. */
export interface ShareRequest {
  capacity: number
  /** The amount that all callers hold. */
  used: number
  /** The amount that the caller holds. */
  own: number
  /** The amount that the caller requests. It fits into the capacity. */
  amount: number
  /** True while no one else uses the capacity. */
  isOnly: boolean
}

/**
 * Returns whether a caller may hold more of a limited amount. A caller may hold a third of what it leaves free: at most
 * a quarter of the capacity, and less if others hold some, so that each leaves room for the next. This is the dynamic
 * threshold of shared-memory switches (Choudhury and Hahne 1998, IEEE/ACM Transactions on Networking 6(2)).
 *
 * A caller by itself may hold three times of what it leaves free, which is three quarters of the capacity. A caller
 * that holds nothing may take whatever is free, so that a single large request is not rejected for its size.
 */
export const isFairShare = ({ capacity, used, own, amount, isOnly }: ShareRequest): boolean =>
  own === 0 || own + amount <= (capacity - used - amount) * (isOnly ? 3 : 1 / 3)
