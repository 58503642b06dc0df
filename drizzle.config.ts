import { defineConfig } from 'drizzle-kit'

// npm run migration writes what changed in the schema as SQL into migrations/; platform/store/migrate.ts runs it.
export default defineConfig({
  dialect: 'postgresql',
  schema: './platform/store/schema/*.ts',
  out: './migrations',
  schemaFilter: ['graft'],
})
