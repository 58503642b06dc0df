ALTER TABLE "graft"."trainings" ADD COLUMN "from_adapter_id" uuid;--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD COLUMN "from_artifact" text;--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD CONSTRAINT "trainings_from_adapter_id_adapters_id_fk" FOREIGN KEY ("from_adapter_id") REFERENCES "graft"."adapters"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "trainings_by_start" ON "graft"."trainings" USING btree ("from_adapter_id");--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD CONSTRAINT "trainings_from_artifact" CHECK ("graft"."trainings"."from_artifact" ~ '^[0-9a-f]{64}$');