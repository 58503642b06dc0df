ALTER TABLE "graft"."datasets" DROP CONSTRAINT "datasets_format";--> statement-breakpoint
ALTER TABLE "graft"."datasets" ADD COLUMN "reading" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "graft"."datasets" ADD COLUMN "encoding" text DEFAULT 'utf-8' NOT NULL;--> statement-breakpoint
ALTER TABLE "graft"."datasets" ADD COLUMN "skipped" jsonb DEFAULT '{"rows":0,"reasons":[]}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "graft"."datasets" ADD CONSTRAINT "datasets_format" CHECK ("graft"."datasets"."format" in ('jsonl', 'json', 'csv', 'tsv', 'fasttext'));