/** Something whose cost is measured at several sizes. */
export interface Measured {
  name: string
  sizes: readonly number[]
  /** Returns the cost at a size. */
  measure(size: number): Promise<number>
  close(): Promise<void>
}
