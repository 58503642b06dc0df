// npm run docs: writes the generated parts of the documents, such as the tables of imports in docs/architecture.md and
// the code in docs/extending.md.
import { writeDocuments } from './doc-blocks.mjs'

await writeDocuments()
