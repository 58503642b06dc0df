import { fail } from '../../core/errors.ts'
import { encodeModel, type OnnxGraph } from '../../graph/onnx/model.ts'
import { writeNewFile } from '../write-folder.ts'

/** The largest message of Protocol Buffers. */
const MAX_FILE_BYTES = 2 ** 31 - 1

/**
 * Writes a graph to a file, which must not exist yet.
 * @throws GraftError `checkpoint_config` if the graph is too large for a file
 */
export async function writeGraph(path: string, graph: OnnxGraph): Promise<void> {
  const { length, pieces } = encodeModel(graph)
  if (length > MAX_FILE_BYTES)
    fail('checkpoint_config', {
      subject: `the format onnx, ${graph.name}`,
      expected: `at most ${MAX_FILE_BYTES} bytes, which an ONNX file can have`,
      found: `${length} bytes`,
      fix: 'Use a smaller base, or export the adapter in another format.',
    })
  await writeNewFile(path, pieces)
}
