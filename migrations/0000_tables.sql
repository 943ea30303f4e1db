CREATE TABLE "audit_chain" (
	"seq" bigint PRIMARY KEY NOT NULL,
	"event_kind" text collate "C" NOT NULL,
	"event_pk" text collate "C" NOT NULL,
	"payload_hash" "bytea" NOT NULL,
	"event_hash" "bytea" NOT NULL,
	"prev_hash" "bytea" NOT NULL,
	"chain_hash" "bytea" NOT NULL,
	"before_hash" "bytea",
	"appended_at" timestamp with time zone NOT NULL,
	CONSTRAINT "audit_chain_event_key" UNIQUE("event_kind","event_pk"),
	CONSTRAINT "audit_chain_seq_check" CHECK (seq >= 1),
	CONSTRAINT "audit_chain_hash_check" CHECK (octet_length(payload_hash) = 32 and octet_length(event_hash) = 32 and octet_length(prev_hash) = 32 and octet_length(chain_hash) = 32 and octet_length(before_hash) = 32),
	CONSTRAINT "audit_chain_label_check" CHECK (octet_length(event_kind) <= 209 and octet_length(event_pk) <= 2020),
	CONSTRAINT "audit_chain_time_check" CHECK (appended_at >= '2000-01-01 00:00:00+00' and appended_at < '10000-01-01 00:00:00+00')
);
--> statement-breakpoint
CREATE TABLE "audit_chain_config" (
	"id" bigint PRIMARY KEY NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"kind" text collate "C" NOT NULL,
	"relation" text collate "C" NOT NULL,
	"key_columns" text[] NOT NULL,
	"columns" text[] NOT NULL,
	"members" text[] DEFAULT '{}' NOT NULL,
	"absent" jsonb DEFAULT '{}' NOT NULL,
	"column_types" text[] NOT NULL,
	"excluded" text[] NOT NULL,
	"renamed" jsonb DEFAULT '{}' NOT NULL,
	"changes" text NOT NULL,
	"mode" text NOT NULL,
	"fallback" text DEFAULT 'pending' NOT NULL,
	"complete" boolean NOT NULL,
	"record_anew" boolean DEFAULT false NOT NULL,
	"salt" boolean DEFAULT false NOT NULL,
	"blind_key" boolean DEFAULT false NOT NULL,
	"retention" text,
	"present" text[] DEFAULT '{}' NOT NULL,
	"repaired" jsonb DEFAULT '{}' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_chain_lock" (
	"id" boolean PRIMARY KEY DEFAULT true NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_chain_pending" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_chain_pending_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"xid" "xid8" DEFAULT pg_catalog.pg_current_xact_id() NOT NULL,
	"mode" text NOT NULL,
	"op" text NOT NULL,
	"event_kind" text collate "C" NOT NULL,
	"event_pk" text collate "C" NOT NULL,
	"payload_hash" "bytea" NOT NULL,
	"before_hash" "bytea",
	"staged_at" timestamp with time zone DEFAULT pg_catalog.clock_timestamp() NOT NULL,
	"conflict" text,
	"nested" boolean DEFAULT pg_catalog.pg_trigger_depth() > 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_chain_relation" (
	"kind" text collate "C" PRIMARY KEY NOT NULL,
	"relid" "regclass" NOT NULL,
	"column_numbers" text NOT NULL,
	"numbered_for" "oid" DEFAULT 0 NOT NULL,
	CONSTRAINT "audit_chain_relation_relid_unique" UNIQUE("relid")
);
--> statement-breakpoint
CREATE TABLE "audit_chain_secret" (
	"event_kind" text collate "C" PRIMARY KEY NOT NULL,
	"secret" "bytea" NOT NULL,
	CONSTRAINT "audit_chain_secret_check" CHECK (octet_length(secret) = 32)
);
--> statement-breakpoint
CREATE INDEX "audit_chain_pending_xid_idx" ON "audit_chain_pending" USING btree ("xid","id") WHERE mode = 'strict';--> statement-breakpoint
CREATE INDEX "audit_chain_pending_late_idx" ON "audit_chain_pending" USING btree ("event_kind","event_pk") WHERE mode = 'late' and conflict is null;