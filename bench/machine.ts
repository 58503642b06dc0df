/**
 * Prints the machine and the versions that a benchmark ran on, and the limits of the machine.
 *
 *   npm run bench -- machine
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { measureLimits } from './limits.ts'
import { startTable } from './table.ts'

const cpuFlags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1].split(' ') ?? []
const extensions = ['avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'amx_int8'].filter((flag) => cpuFlags.includes(flag))
const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json')
const limits = await measureLimits()

const row = startTable('', '')
row('processor', `${cpus()[0].model}, ${availableParallelism()} cores, ${extensions.join(', ')}`)
row('memory', `${(totalmem() / 1e9).toFixed(0)} GB`)
row('software', `Node ${process.versions.node}, onnxruntime-node ${version}`)
row('limit of products in f32', `${(limits.floats / 1e9).toFixed(0)} GFLOP/s`)
row('limit of products of 8-bit codes', `${(limits.codes / 1e9).toFixed(0)} Gop/s`)
