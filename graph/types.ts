/** Element types. `f32` carries gradients; the integer types are for indices and `bool` for choices. */
export type DType = 'f32' | 'i32' | 'i64' | 'bool' | 'u8'

/** A size: a number, a named symbol (`batch`), or a canonical product or sum of those (`batch*source`, `10+source`). */
export type Dim = number | string

export type Shape = readonly Dim[]

export interface Type {
  readonly dtype: DType
  readonly shape: Shape
}

export const rank = (t: Type): number => t.shape.length

export const typeText = (t: Type): string => `${t.dtype}[${t.shape.join(', ')}]`
