// Calls Graft's MCP tools as an agent does: lists them, then classifies a review. Run `npm start` first.
//   node examples/mcp-client.ts [ADAPTER]
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'

const server = process.env.GRAFT_URL ?? 'http://127.0.0.1:8080'
const adapter = process.argv[2] ?? 'film'

const client = new Client({ name: 'example', version: '1.0.0' })
await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', server)))
try {
  const { tools } = await client.listTools()
  console.log(`tools: ${tools.map(({ name }) => name).join(', ')}`)

  const { isError, content, structuredContent } = await client.callTool({
    name: 'classify_reviews',
    arguments: { reviews: ['A joy from start to finish.'], adapter },
  })
  // A failed call is a result, too: its text says what to change.
  if (isError) throw new Error(content.map((part) => ('text' in part ? part.text : '')).join('\n'))
  console.log(JSON.stringify(structuredContent))
} finally {
  await client.close()
}
