/** Element types. `f32` carries gradients, which {@link halved} may make `f16`; integers are for indices and `bool` for choices. */
export type DType = 'f32' | 'f16' | 'i32' | 'i64' | 'bool' | 'u8'

/** A size: a number, a named symbol (`batch`), or a canonical product or sum of those (`batch*source`, `10+source`). */
export type Dim = number | string

export type Shape = readonly Dim[]

/** The sizes of the symbolic dimensions, such as `{ batch: 4, source: 128 }`. */
export type Symbols = Readonly<Record<string, number>>

export interface Type {
  readonly dtype: DType
  readonly shape: Shape
}

export const rank = (t: Type): number => t.shape.length

export const typeText = (t: Type): string => `${t.dtype}[${t.shape.join(', ')}]`
