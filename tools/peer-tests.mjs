// node tools/peer-tests.mjs: prints the test files whose outcome depends on optional peers, which are those that import
// test/peers.ts, directly or not.
import { cruise } from 'dependency-cruiser'
import config from '../.dependency-cruiser.mjs'

const { output } = await cruise(['test'], { ...config.options, includeOnly: '^test/', reaches: '^test/peers[.]ts$' })
for (const { source } of output.modules) if (source.endsWith('.test.ts')) console.log(source)
