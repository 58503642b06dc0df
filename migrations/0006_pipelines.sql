ALTER TABLE "graft"."comparisons" DROP CONSTRAINT "comparisons_adapters";--> statement-breakpoint
ALTER TABLE "graft"."comparisons" ADD COLUMN "pipelines" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "graft"."comparisons" ADD CONSTRAINT "comparisons_competitors" CHECK (jsonb_array_length("graft"."comparisons"."adapters") + jsonb_array_length("graft"."comparisons"."pipelines") >= 2);--> statement-breakpoint
ALTER TABLE "graft"."comparisons" ADD CONSTRAINT "comparisons_adapters" CHECK (jsonb_array_length("graft"."comparisons"."adapters") >= 1);