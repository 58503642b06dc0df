import type { DType, Shape, Type } from '../types.ts'
import { type Bytes, float32, message, repeated, toBytes } from './protobuf.ts'

// The field numbers come from onnx.proto (ONNX IR version 10).

/** A graph is a branch of an `If`. */
export type Attribute = number | string | readonly number[] | OnnxGraph

export interface OnnxNode {
  name: string
  opType: string
  domain: string
  inputs: readonly string[]
  outputs: readonly string[]
  attributes: Readonly<Record<string, Attribute>>
}

export interface OnnxGraph {
  name: string
  nodes: readonly OnnxNode[]
  inputs: readonly (readonly [string, Type])[]
  outputs: readonly (readonly [string, Type])[]
  initializers: readonly Initializer[]
}

/** A constant of a graph. */
export interface Initializer {
  name: string
  dtype: DType
  shape: readonly number[]
  values: Values
}

/** The values as numbers, or as raw bytes. */
type Values = readonly number[] | ArrayBufferView

const IR_VERSION = 10
const OPSETS = { '': 21, 'com.microsoft': 1 }

export const ELEMENT_TYPE: Record<DType, number> = { f32: 1, f16: 10, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9 }

/** The attributes that ONNX declares as floats, even if their value is a whole number. */
const FLOAT_ATTRIBUTES = new Set(['epsilon', 'alpha', 'beta', 'scale'])

/** Encodes a graph as a ModelProto. */
export function encodeModel(graph: OnnxGraph): Bytes {
  const opsets = Object.entries(OPSETS).map(([domain, version]) => message([1, domain], [2, version]))
  return message([1, IR_VERSION], [2, 'graft'], [7, encodeGraph(graph)], ...repeated(8, opsets))
}

function encodeGraph({ name, nodes, inputs, outputs, initializers }: OnnxGraph): Bytes {
  const encodeValues = (values: OnnxGraph['inputs']) => values.map(([value, type]) => encodeValue(value, type))
  return message(
    ...repeated(1, nodes.map(encodeNode)),
    [2, name],
    ...repeated(5, initializers.map(encodeInitializer)),
    ...repeated(11, encodeValues(inputs)),
    ...repeated(12, encodeValues(outputs)),
  )
}

function encodeNode({ name, opType, domain, inputs, outputs, attributes }: OnnxNode): Bytes {
  const list = Object.entries(attributes).map(([name, value]) => encodeAttribute(name, value))
  return message(...repeated(1, inputs), ...repeated(2, outputs), [3, name], [4, opType], ...repeated(5, list), [
    7,
    domain,
  ])
}

function encodeAttribute(name: string, value: Attribute): Bytes {
  if (typeof value === 'string') return message([1, name], [4, value], [20, 3])
  if (isGraph(value)) return message([1, name], [6, encodeGraph(value)], [20, 5])
  if (typeof value !== 'number') return message([1, name], ...repeated(8, value), [20, 7])
  return FLOAT_ATTRIBUTES.has(name)
    ? message([1, name], [2, float32(value)], [20, 1])
    : message([1, name], [3, value], [20, 2])
}

const isGraph = (value: Attribute): value is OnnxGraph => typeof value === 'object' && 'nodes' in value

function encodeInitializer({ name, dtype, shape, values }: Initializer): Bytes {
  return message(...repeated(1, shape), [2, ELEMENT_TYPE[dtype]], [8, name], [9, toBytes([rawData(dtype, values)])])
}

function rawData(dtype: DType, values: Values): Uint8Array {
  if (ArrayBuffer.isView(values)) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  if (dtype === 'i64') return new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
  if (dtype === 'i32') return new Uint8Array(Int32Array.from(values).buffer)
  if (dtype === 'f16') return new Uint8Array(Float16Array.from(values).buffer)
  if (dtype === 'f32') return new Uint8Array(Float32Array.from(values).buffer)
  return dtype === 'i8' ? new Uint8Array(Int8Array.from(values).buffer) : Uint8Array.from(values)
}

function encodeValue(name: string, { dtype, shape }: Type): Bytes {
  const tensorType = message([1, ELEMENT_TYPE[dtype]], [2, encodeShape(shape)])
  return message([1, name], [2, message([1, tensorType])])
}

function encodeShape(shape: Shape): Bytes {
  return message(
    ...repeated(
      1,
      shape.map((d) => (typeof d === 'number' ? message([1, d]) : message([2, d]))),
    ),
  )
}
