// npm run bench -- NAME [flags]: runs bench/NAME.ts.
const benches = [
  'train',
  'dispatches',
  'load',
  'kill-matrix',
  'promotion-rates',
  'cold-start',
  'disk-full',
  'explain',
  'functions',
  'fuzz',
  'int8',
  'mixed-adapters',
  'mixed-load',
  'power-loss',
  'precision',
  'sizes',
  'word-counter',
]
const [name] = process.argv.slice(2)
if (!benches.includes(name)) {
  console.error(`usage: npm run bench -- ${benches.join('|')} [flags]`)
  process.exitCode = 2
} else await import(`./${name}.ts`)
