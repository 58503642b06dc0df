CREATE SCHEMA IF NOT EXISTS "graft";
--> statement-breakpoint
CREATE TABLE "graft"."adapters" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"base_id" uuid NOT NULL,
	"method" text NOT NULL,
	"trainable" bigint NOT NULL,
	"total" bigint NOT NULL,
	"digest" text NOT NULL,
	"artifact" text NOT NULL,
	"bytes" bigint NOT NULL,
	"layout" text NOT NULL,
	"labels" jsonb NOT NULL,
	"metrics" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "adapters_name_unique" UNIQUE("name"),
	CONSTRAINT "adapters_name" CHECK (length("graft"."adapters"."name") between 1 and 200 and "graft"."adapters"."name" !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
	CONSTRAINT "adapters_digest" CHECK ("graft"."adapters"."digest" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "adapters_artifact" CHECK ("graft"."adapters"."artifact" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "adapters_sizes" CHECK ("graft"."adapters"."bytes" >= 0 and "graft"."adapters"."trainable" >= 0 and "graft"."adapters"."total" >= 0)
);
--> statement-breakpoint
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
CREATE TABLE "graft"."api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"prefix" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash"),
	CONSTRAINT "api_keys_hash" CHECK ("graft"."api_keys"."hash" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "api_keys_name" CHECK (length("graft"."api_keys"."name") between 1 and 200),
	CONSTRAINT "api_keys_scopes" CHECK (cardinality("graft"."api_keys"."scopes") > 0 and "graft"."api_keys"."scopes" <@ array['predict', 'train', 'admin'])
);
--> statement-breakpoint
CREATE TABLE "graft"."bases" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"fingerprint" text NOT NULL,
	"config" jsonb NOT NULL,
	"parameters" bigint NOT NULL,
	"bytes" bigint NOT NULL,
	"artifact" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "bases_name_unique" UNIQUE("name"),
	CONSTRAINT "bases_name" CHECK (length("graft"."bases"."name") between 1 and 200 and "graft"."bases"."name" !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
	CONSTRAINT "bases_fingerprint" CHECK ("graft"."bases"."fingerprint" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "bases_artifact" CHECK ("graft"."bases"."artifact" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "graft"."comparisons" (
	"id" uuid PRIMARY KEY NOT NULL,
	"adapters" jsonb NOT NULL,
	"dataset_id" uuid NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"result" jsonb,
	"error" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "comparisons_status" CHECK ("graft"."comparisons"."status" in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
	CONSTRAINT "comparisons_adapters" CHECK (jsonb_array_length("graft"."comparisons"."adapters") >= 2),
	CONSTRAINT "comparisons_result" CHECK (("graft"."comparisons"."status" = 'succeeded') = ("graft"."comparisons"."result" is not null)),
	CONSTRAINT "comparisons_error" CHECK (("graft"."comparisons"."status" = 'failed') = ("graft"."comparisons"."error" is not null))
);
--> statement-breakpoint
CREATE TABLE "graft"."datasets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"filename" text,
	"digest" text NOT NULL,
	"bytes" bigint NOT NULL,
	"format" text NOT NULL,
	"rows" integer NOT NULL,
	"labels" jsonb NOT NULL,
	"duplicates" integer NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "datasets_name" CHECK (length("graft"."datasets"."name") between 1 and 200 and "graft"."datasets"."name" !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
	CONSTRAINT "datasets_digest" CHECK ("graft"."datasets"."digest" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "datasets_format" CHECK ("graft"."datasets"."format" in ('jsonl', 'csv')),
	CONSTRAINT "datasets_sizes" CHECK ("graft"."datasets"."bytes" >= 0 and "graft"."datasets"."rows" >= 0 and "graft"."datasets"."duplicates" >= 0)
);
--> statement-breakpoint
CREATE TABLE "graft"."evaluations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"adapter_id" uuid NOT NULL,
	"digest" text NOT NULL,
	"dataset_id" uuid NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"metrics" jsonb,
	"error" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "evaluations_digest" CHECK ("graft"."evaluations"."digest" ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "evaluations_status" CHECK ("graft"."evaluations"."status" in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
	CONSTRAINT "evaluations_metrics" CHECK (("graft"."evaluations"."status" = 'succeeded') = ("graft"."evaluations"."metrics" is not null)),
	CONSTRAINT "evaluations_error" CHECK (("graft"."evaluations"."status" = 'failed') = ("graft"."evaluations"."error" is not null))
);
--> statement-breakpoint
CREATE TABLE "graft"."idempotency_keys" (
	"owner" text NOT NULL,
	"operation" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"response" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_owner_operation_key_pk" PRIMARY KEY("owner","operation","key"),
	CONSTRAINT "idempotency_keys_request_hash" CHECK ("graft"."idempotency_keys"."request_hash" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE TABLE "graft"."training_events" (
	"training_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"key" text,
	"event" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "training_events_training_id_number_pk" PRIMARY KEY("training_id","number"),
	CONSTRAINT "training_events_key" UNIQUE("training_id","key"),
	CONSTRAINT "training_events_number" CHECK ("graft"."training_events"."number" > 0)
);
--> statement-breakpoint
CREATE TABLE "graft"."trainings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text,
	"base_id" uuid NOT NULL,
	"dataset_id" uuid NOT NULL,
	"test_dataset_id" uuid,
	"adapter_id" uuid,
	"spec" jsonb NOT NULL,
	"metadata" jsonb,
	"status" text DEFAULT 'queued' NOT NULL,
	"requested_action" text,
	"plan" jsonb,
	"progress" jsonb,
	"result" jsonb,
	"error" jsonb,
	"state" text,
	"fencing_token" integer DEFAULT 0 NOT NULL,
	"slices" integer DEFAULT 0 NOT NULL,
	"failed_attempts" integer DEFAULT 0 NOT NULL,
	"worker" text,
	"heartbeat_at" timestamp (3) with time zone,
	"last_event" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "trainings_name" CHECK (length("graft"."trainings"."name") between 1 and 200 and "graft"."trainings"."name" !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'),
	CONSTRAINT "trainings_status" CHECK ("graft"."trainings"."status" in ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')),
	CONSTRAINT "trainings_requested_action" CHECK ("graft"."trainings"."requested_action" is null or ("graft"."trainings"."requested_action" = 'pause' and "graft"."trainings"."status" = 'running')),
	CONSTRAINT "trainings_worker" CHECK (("graft"."trainings"."status" = 'running') = ("graft"."trainings"."worker" is not null)),
	CONSTRAINT "trainings_finished" CHECK (("graft"."trainings"."status" in ('queued', 'running', 'paused')) = ("graft"."trainings"."finished_at" is null)),
	CONSTRAINT "trainings_error" CHECK (("graft"."trainings"."status" = 'failed') = ("graft"."trainings"."error" is not null)),
	CONSTRAINT "trainings_state" CHECK ("graft"."trainings"."state" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
ALTER TABLE "graft"."adapters" ADD CONSTRAINT "adapters_base_id_bases_id_fk" FOREIGN KEY ("base_id") REFERENCES "graft"."bases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."aliases" ADD CONSTRAINT "aliases_adapter_id_adapters_id_fk" FOREIGN KEY ("adapter_id") REFERENCES "graft"."adapters"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."comparisons" ADD CONSTRAINT "comparisons_dataset_id_datasets_id_fk" FOREIGN KEY ("dataset_id") REFERENCES "graft"."datasets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."evaluations" ADD CONSTRAINT "evaluations_adapter_id_adapters_id_fk" FOREIGN KEY ("adapter_id") REFERENCES "graft"."adapters"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."evaluations" ADD CONSTRAINT "evaluations_dataset_id_datasets_id_fk" FOREIGN KEY ("dataset_id") REFERENCES "graft"."datasets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."training_events" ADD CONSTRAINT "training_events_training_id_trainings_id_fk" FOREIGN KEY ("training_id") REFERENCES "graft"."trainings"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD CONSTRAINT "trainings_base_id_bases_id_fk" FOREIGN KEY ("base_id") REFERENCES "graft"."bases"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD CONSTRAINT "trainings_dataset_id_datasets_id_fk" FOREIGN KEY ("dataset_id") REFERENCES "graft"."datasets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD CONSTRAINT "trainings_test_dataset_id_datasets_id_fk" FOREIGN KEY ("test_dataset_id") REFERENCES "graft"."datasets"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "graft"."trainings" ADD CONSTRAINT "trainings_adapter_id_adapters_id_fk" FOREIGN KEY ("adapter_id") REFERENCES "graft"."adapters"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "adapters_by_base" ON "graft"."adapters" USING btree ("base_id");--> statement-breakpoint
CREATE INDEX "adapters_by_digest" ON "graft"."adapters" USING btree ("digest");--> statement-breakpoint
CREATE INDEX "alias_moves_by_alias" ON "graft"."alias_moves" USING btree ("alias","id");--> statement-breakpoint
CREATE INDEX "aliases_by_adapter" ON "graft"."aliases" USING btree ("adapter_id");--> statement-breakpoint
CREATE INDEX "comparisons_by_dataset" ON "graft"."comparisons" USING btree ("dataset_id");--> statement-breakpoint
CREATE UNIQUE INDEX "datasets_unique_name" ON "graft"."datasets" USING btree ("name") WHERE "graft"."datasets"."deleted_at" is null;--> statement-breakpoint
CREATE INDEX "evaluations_by_adapter" ON "graft"."evaluations" USING btree ("adapter_id","id");--> statement-breakpoint
CREATE INDEX "evaluations_by_dataset" ON "graft"."evaluations" USING btree ("dataset_id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_by_created_at" ON "graft"."idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "trainings_by_status" ON "graft"."trainings" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "trainings_by_dataset" ON "graft"."trainings" USING btree ("dataset_id");--> statement-breakpoint
CREATE UNIQUE INDEX "trainings_by_adapter" ON "graft"."trainings" USING btree ("adapter_id");--> statement-breakpoint
CREATE UNIQUE INDEX "trainings_unfinished_name" ON "graft"."trainings" USING btree ("name") WHERE "graft"."trainings"."status" in ('queued', 'running', 'paused');