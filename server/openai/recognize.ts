/** The features of OpenAI's API by the first part of their paths. Some of them are not part of Graft's. */
const FEATURES = new Set([
  ...['assistants', 'audio', 'batches', 'chat', 'completions', 'containers', 'conversations', 'edits', 'embeddings'],
  ...['engines', 'evals', 'files', 'fine-tunes', 'fine_tuning', 'images', 'models', 'moderations', 'realtime'],
  ...['responses', 'threads', 'uploads', 'vector_stores', 'videos'],
])

const featureOf = (path: string): string => path.replace(/^\/v1(?=\/)/, '').split('/')[1] ?? ''

/**
 * Returns whether a request comes from a client of OpenAI's API: from an official one, by its headers, or from any
 * other, by a path that is OpenAI's.
 */
export const isOpenaiClient = (headers: Headers, path: string): boolean =>
  headers.has('x-stainless-lang') ||
  /^(Async)?OpenAI\//.test(headers.get('user-agent') ?? '') ||
  FEATURES.has(featureOf(path))

/** Returns how to do with Graft what a path of OpenAI's API does; undefined for other paths. */
export function openaiAlternativeTo(path: string): string | undefined {
  const feature = featureOf(path)
  if (!FEATURES.has(feature)) return undefined
  if (feature === 'fine-tunes' || feature === 'fine_tuning') return 'Fine-tuning jobs are at /v1/fine_tuning/jobs.'
  if (feature === 'engines' || feature === 'models') return 'Models are at /v1/models.'
  if (feature === 'files' || feature === 'uploads') return 'Files are at /v1/files.'
  return 'Graft classifies texts. Send a text to /v1/chat/completions; the answer is its label.'
}
