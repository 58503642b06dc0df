// npm run bench -- NAME [flags]: runs bench/NAME.ts. Without a name, it makes the tables of docs/benchmarks.md.
const benches = [
  'train',
  'dispatches',
  'document',
  'load',
  'kill-matrix',
  'promotion-rates',
  'cold-start',
  'disk-full',
  'explain',
  'functions',
  'fuzz',
  'int8',
  'machine',
  'mixed-adapters',
  'mixed-load',
  'peer-start',
  'power-loss',
  'precision',
  'sizes',
  'word-counter',
]
const [name = 'document'] = process.argv.slice(2)
if (!benches.includes(name)) {
  console.error(`usage: npm run bench -- ${benches.join('|')} [flags]`)
  process.exitCode = 2
} else await import(`./${name}.ts`)
