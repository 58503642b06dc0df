import { readFile } from 'node:fs/promises'
import { parse as parseYaml } from 'yaml'
import { fail } from '../core/errors.ts'

/**
 * Reads a YAML or JSON file that holds a mapping of fields.
 * @throws GraftError `file_missing`; `usage` if the file holds something else
 */
export async function readYamlFile(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error) =>
    fail(
      'file_missing',
      {
        subject: path,
        problem: error.code === 'ENOENT' ? 'does not exist' : `cannot be read (${error.code})`,
        fix: 'Check the path.',
      },
      error,
    ),
  )
  const value = parse(text, path)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  return fail('usage', {
    subject: path,
    expected: 'a mapping of fields in YAML or JSON',
    found: Array.isArray(value) ? 'a list' : `a ${typeof value}`,
    fix: 'Write each setting as FIELD: VALUE.',
  })
}

function parse(text: string, subject: string): unknown {
  try {
    return parseYaml(text)
  } catch (error) {
    const [message] = (error as Error).message.split('\n')
    return fail('usage', { subject, problem: `is not YAML or JSON: ${message}`, fix: 'Fix the file.' }, error)
  }
}
