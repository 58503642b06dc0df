CREATE TABLE "graft"."webhook_deliveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"webhook_id" uuid NOT NULL,
	"event" text NOT NULL,
	"data" jsonb NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"failure" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_status" CHECK ("graft"."webhook_deliveries"."status" in ('pending', 'delivered', 'failed')),
	CONSTRAINT "webhook_deliveries_finished" CHECK (("graft"."webhook_deliveries"."status" = 'pending') = ("graft"."webhook_deliveries"."finished_at" is null))
);
--> statement-breakpoint
CREATE TABLE "graft"."webhooks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner" text DEFAULT '' NOT NULL,
	"url" text NOT NULL,
	"events" text[] NOT NULL,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhooks_url" CHECK (length("graft"."webhooks"."url") between 1 and 2000),
	CONSTRAINT "webhooks_events" CHECK (cardinality("graft"."webhooks"."events") > 0)
);
--> statement-breakpoint
ALTER TABLE "graft"."api_keys" DROP CONSTRAINT "api_keys_scopes";--> statement-breakpoint
ALTER TABLE "graft"."webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "graft"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_by_webhook" ON "graft"."webhook_deliveries" USING btree ("webhook_id","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_by_status" ON "graft"."webhook_deliveries" USING btree ("status","created_at");--> statement-breakpoint
ALTER TABLE "graft"."api_keys" ADD CONSTRAINT "api_keys_scopes" CHECK (cardinality("graft"."api_keys"."scopes") > 0 and "graft"."api_keys"."scopes" <@ array['predict', 'train', 'metrics', 'admin']);