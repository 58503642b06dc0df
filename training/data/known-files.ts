import { throwFormat } from './read-contents.ts'

export const EXPECTED_TEXT = 'text, plain or compressed with gzip'

/** Files that hold no reviews, by their first bytes. */
const SIGNATURES: readonly { /** In hexadecimal digits. */ bytes: string; found: string; fix: string }[] = [
  {
    bytes: '504b0304',
    found: 'an Excel workbook or a zip archive',
    fix: 'Save the sheet as CSV in UTF-8, or unpack the archive.',
  },
  {
    bytes: '50415231',
    found: 'a Parquet file',
    fix: 'Convert it with pandas: pandas.read_parquet(FILE).to_json("data.jsonl", orient="records", lines=True).',
  },
  { bytes: 'fffe0000', found: 'text in UTF-32', fix: 'Save it in UTF-8.' },
  { bytes: '0000feff', found: 'text in UTF-32', fix: 'Save it in UTF-8.' },
  {
    bytes: Buffer.from('version https://git-lfs').toString('hex'),
    found: 'a pointer of Git LFS, which stands for the file',
    fix: 'Run git lfs pull in its repository to download the file itself.',
  },
  { bytes: '1f8b', found: 'gzip within gzip', fix: 'Decompress it once.' },
  { bytes: '425a68', found: 'a bzip2 file', fix: 'Decompress it, or compress it with gzip instead.' },
  { bytes: 'fd377a585a00', found: 'an xz file', fix: 'Decompress it, or compress it with gzip instead.' },
  { bytes: '28b52ffd', found: 'a Zstandard file', fix: 'Decompress it, or compress it with gzip instead.' },
]

/** @throws GraftError `data_format` for a file that is known not to be text */
export function rejectKnownFiles(head: Buffer, path: string): void {
  const known = SIGNATURES.find(({ bytes }) => head.subarray(0, bytes.length / 2).toString('hex') === bytes)
  if (known) throwFormat(path, { expected: EXPECTED_TEXT, found: known.found, fix: known.fix })
  if (/^\s*<(?:!doctype html|html)/i.test(head.toString('latin1', 0, 100)))
    throwFormat(path, {
      expected: 'a file of reviews',
      found: 'a web page',
      fix: 'Download the file again. The address may have led to a page about it, or to an error.',
    })
}
