CREATE TABLE "graft"."alias_moves" (
	"id" uuid PRIMARY KEY NOT NULL,
	"alias" text NOT NULL,
	"from" jsonb,
	"to" jsonb,
	"guard" jsonb,
	"comparison_id" uuid,
	"forced" boolean NOT NULL,
	"owner" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "graft"."aliases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"adapter_id" uuid NOT NULL,
	"guard" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"moved_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "aliases_name_unique" UNIQUE("name"),
	CONSTRAINT "aliases_name" CHECK (length("graft"."aliases"."name") between 1 and 200 and "graft"."aliases"."name" !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
);
--> statement-breakpoint
ALTER TABLE "graft"."datasets" DROP CONSTRAINT "datasets_name_unique";--> statement-breakpoint
ALTER TABLE "graft"."datasets" ADD COLUMN "filename" text;--> statement-breakpoint
ALTER TABLE "graft"."datasets" ADD COLUMN "deleted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD COLUMN "metadata" jsonb;--> statement-breakpoint
ALTER TABLE "graft"."aliases" ADD CONSTRAINT "aliases_adapter_id_adapters_id_fk" FOREIGN KEY ("adapter_id") REFERENCES "graft"."adapters"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "alias_moves_of" ON "graft"."alias_moves" USING btree ("alias","id");--> statement-breakpoint
CREATE INDEX "aliases_adapter" ON "graft"."aliases" USING btree ("adapter_id");--> statement-breakpoint
CREATE UNIQUE INDEX "datasets_free_name" ON "graft"."datasets" USING btree ("name") WHERE "graft"."datasets"."deleted_at" is null;