/**
 * An element type. Gradients are `f32`, or `f16` in mixed precision; integers are indices, `bool` are conditions,
 * `i8` are the codes of rounded weights.
 */
export type DType = 'f32' | 'f16' | 'i32' | 'i64' | 'bool' | 'u8' | 'i8'

/** A size: a number, a symbol (`batch`), or their canonical product or sum (`batch*source`, `10+source`). */
export type Dim = number | string

export type Shape = readonly Dim[]

/** The sizes of the symbolic dimensions, such as `{ batch: 4, source: 128 }`. */
export type Symbols = Readonly<Record<string, number>>

export interface Type {
  readonly dtype: DType
  readonly shape: Shape
}

export const rank = (t: Type): number => t.shape.length

export const formatType = (t: Type): string => `${t.dtype}[${t.shape.join(', ')}]`
