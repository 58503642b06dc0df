// Classifies a few texts over HTTP. Run `npm start` first.
//   node examples/classify.ts [ADAPTER]
const server = process.env.GRAFT_URL ?? 'http://127.0.0.1:8080'
const adapter = process.argv[2] ?? 'film'
const inputs = ['A joy from start to finish.', 'Two hours I want back.']

const response = await fetch(`${server}/v1/predictions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ inputs, adapter }),
})
if (!response.ok) {
  const { title, detail, fix } = (await response.json()) as { title: string; detail: string; fix: string }
  throw new Error(`${title}. ${detail} ${fix}`)
}

const { results } = (await response.json()) as { results: { label: string; score: number }[] }
for (const [i, { label, score }] of results.entries())
  console.log(`${label} ${(100 * score).toFixed(1)} %  ${inputs[i]}`)
