import { defineConfig } from 'drizzle-kit'

// `npm run migration` writes the changes of the schema as SQL to migrations/, and platform/store/migrate.ts runs them.
export default defineConfig({
  dialect: 'postgresql',
  schema: './platform/store/schema/*.ts',
  out: './migrations',
  schemaFilter: ['graft'],
})
