#!/usr/bin/env node
// The `graft` command. Clients start whatever Node they find, so every version of Node must be able to parse this file,
// and it looks at the version before anything else is loaded.
'use strict'

var required = 24

/** Prints a reason and makes the process exit with 2. */
function refuse(reason) {
  process.stderr.write('graft: ' + reason + '\n')
  process.exitCode = 2
}

if (parseInt(process.versions.node, 10) < required)
  refuse('Graft needs Node ' + required + ' or later, but this is Node ' + process.versions.node + '.')
else if (!require('node:fs').existsSync(__dirname + '/../dist/cli/main.js'))
  refuse('Graft is not built yet. Run npm run build.')
else {
  // Node keeps compiled code there, so that the next start is quicker. Only those who may change the package can write
  // there; for others, nothing is kept. Threads and child processes read the variable.
  process.env.NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE || __dirname + '/../node_modules/.cache/graft'
  require('node:module').enableCompileCache(process.env.NODE_COMPILE_CACHE)
  require('../dist/cli/main.js')
}
