// Who may import whom. A folder that is not in this table may not hold sources.
const mayImport = {
  core: [],
  graph: ['core'],
  model: ['core', 'graph'],
  checkpoint: ['core', 'graph', 'model'],
  training: ['core', 'graph', 'model', 'checkpoint'],
  serving: ['core', 'graph', 'model', 'checkpoint'],
  platform: ['core', 'graph', 'model', 'checkpoint', 'training', 'serving'],
  server: ['core', 'platform'],
  mcp: ['core', 'platform'],
  cli: ['core', 'platform', 'mcp', 'server'],
  web: ['core', 'platform'],
}
const everyProductFolder = Object.keys(mayImport)
mayImport.bench = everyProductFolder
mayImport.test = [...everyProductFolder, 'bench', 'tools', 'base', 'samples', 'migrations', 'docs']
mayImport.tools = everyProductFolder

/** The folders that may hold sources; tools/check-imports.mjs cruises each that exists. */
export const folders = Object.keys(mayImport)

// Packages with one owner. Tests and benchmarks may reach past the owner.
const owners = {
  graph: ['onnxruntime-node', 'onnxruntime-common', 'webgpu'],
  server: ['hono', '@hono/*', 'pino', 'prom-client', 'rate-limiter-flexible', '@fastify/busboy'],
  'platform/artifacts': ['@aws-sdk/*', 'tar-stream'],
  'platform/queue': ['pg-boss'],
  'platform/store': ['drizzle-orm', 'pg', '@electric-sql/pglite'],
  mcp: ['@modelcontextprotocol/*'],
}

const oneOf = (names) => `^(${names.join('|')})/`
const product = oneOf(everyProductFolder)

const importTable = Object.entries(mayImport).map(([folder, targets]) => ({
  name: `${folder}-imports`,
  comment: `${folder}/ may import ${targets.join(', ') || 'nothing of ours'}`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: '^[^/]+/', pathNot: `${oneOf([folder, ...targets])}|(^|/)node_modules/`, dependencyTypes: ['local'] },
}))

const packageOwners = Object.entries(owners).map(([owner, packages]) => ({
  name: `owner-${owner.replace('/', '-')}`,
  comment: `only ${owner}/ may import ${packages.join(', ')}`,
  severity: 'error',
  from: { path: product, pathNot: `^${owner}/` },
  to: { path: `(^|node_modules/)(${packages.join('|').replaceAll('*', '[^/]+')})(/|$)` },
}))

export default {
  forbidden: [
    ...importTable,
    ...packageOwners,
    {
      name: 'no-cycle',
      comment: 'modules may not import each other in a circle, types included',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-node-in-graph',
      comment: 'node: modules stay out of graph/, its runtime/ aside',
      severity: 'error',
      from: { path: '^graph/', pathNot: '^graph/runtime/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-node-in-model',
      comment: 'node: modules stay out of model/',
      severity: 'error',
      from: { path: '^model/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'web-takes-types-only',
      comment: 'the dashboard talks to the HTTP API; of platform/ it may use only types',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^platform/', dependencyTypesNot: ['type-only'] },
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
      comment: 'what ships may not import a package that is installed for development only',
      severity: 'error',
      from: { path: product },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    // The swc parser: dependency-cruiser cannot use TypeScript 7 and would silently read no .ts file.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)[.]venv/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
  },
}
