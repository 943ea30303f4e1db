-- The roles of the audit chain. None can log in: grant them to logins. Roles belong to the whole server, so another
-- database's set-up may create them at the same moment: the runner repeats the migration when that happens.
DO $roles$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY ARRAY['scidex_audit_owner', 'scidex_audit_writer', 'scidex_audit_publisher',
                                   'scidex_audit_ro', 'scidex_audit_inspector', 'scidex_audit_deployer', 'scidex_audit_retention', 'scidex_audit_capture', 'scidex_audit_alert'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
  END LOOP;
END
$roles$;
--> statement-breakpoint
-- Two tables of the platform that are created if they are not there. They belong to whoever runs the set-up. The comment
-- says who made them: uninstall takes them away again, and leaves those that were there before.
DO $platform$
BEGIN
  IF to_regclass('public.audit_log') IS NULL THEN
    CREATE TABLE public.audit_log (
      id          bigserial PRIMARY KEY,
      actor       text NOT NULL,
      action      text NOT NULL,
      target_kind text,
      target_id   text,
      details     jsonb,
      created_at  timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE public.audit_log IS 'made by audit-chain init';
  END IF;
  IF to_regclass('public.senate_alerts') IS NULL THEN
    CREATE TABLE public.senate_alerts (
      id         bigserial PRIMARY KEY,
      kind       text NOT NULL,
      ref_id     text,
      severity   text NOT NULL DEFAULT 'medium',
      details    jsonb,
      created_at timestamptz NOT NULL DEFAULT now(),
      ack_at     timestamptz,
      ack_by     text
    );
    COMMENT ON TABLE public.senate_alerts IS 'made by audit-chain init';
  END IF;
END
$platform$;
--> statement-breakpoint
-- One row for each transaction that has staged rows of a `strict` table; its deferred trigger removes it, and, once more
-- fired by that, links them at commit.
-- The row is gone again before the transaction ends, so nothing in it has to survive a crash.
CREATE UNLOGGED TABLE public.audit_chain_ticket (
  xid xid8 PRIMARY KEY DEFAULT pg_catalog.pg_current_xact_id()
);
--> statement-breakpoint
-- Rows that a door lets go, by the transaction in which it does: the guard of a table that refuses changes looks here. Only
-- our owner's functions write here, each for a rule of its own, so that nothing that a session can set opens a guard.
-- A row that was let go is taken out again by the guard, and what is left when the transaction commits by the trigger.
-- Nothing here has to survive a crash.
CREATE UNLOGGED TABLE public.audit_chain_leaving (
  xid          xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
  event_kind   text COLLATE "C" NOT NULL,
  event_pk     text COLLATE "C" NOT NULL,
  payload_hash bytea NOT NULL,
  role         text NOT NULL,
  PRIMARY KEY (xid, event_kind, event_pk)
);
--> statement-breakpoint
-- How far the write-ahead log has been linked, for tables in the mode `stream`. Written in the transaction of the links:
-- what comes from the log again is told from what is new by it. One row, the newest; each has the next id. It is replaced
-- and not updated, because an index from its end finds the newest of any number of dead rows at once, also under a long
-- snapshot.
--
-- Everything that was committed before `linked_to` is linked, and of the transaction whose commit stands at `within` the
-- first `changes` changes. It holds for the server, the database and the slot that are named, and no other.
CREATE TABLE public.audit_chain_position (
  id                bigint PRIMARY KEY,
  slot              text COLLATE "C" NOT NULL,
  publications      text[] NOT NULL,
  system_identifier bigint NOT NULL,
  timeline          integer NOT NULL,
  database          oid NOT NULL,
  linked_to         pg_lsn NOT NULL,
  within            pg_lsn,
  changes           integer NOT NULL,
  written_at        timestamptz NOT NULL
);
--> statement-breakpoint
-- Deferred trigger of audit_chain_leaving: what nobody has deleted in this transaction is let go no longer.
CREATE OR REPLACE FUNCTION public.audit_chain_leaving_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  DELETE FROM public.audit_chain_leaving AS l WHERE l.xid = NEW.xid AND l.event_kind = NEW.event_kind AND l.event_pk = NEW.event_pk;
  RETURN NULL;
END
$function$;
--> statement-breakpoint
-- Statements of erasures that wait for the next publication, which puts them into the sinks. Nothing in here is believed: each
-- is signed, and by whom it has to be, the verifier's policy says. They stay, since a state may be rebuilt.
CREATE TABLE public.audit_chain_handed (
  hash bytea PRIMARY KEY,
  note text NOT NULL
);
--> statement-breakpoint
-- For each row of a table whose payloads are salted its salt, by the row's kind and its key as events have it. Not chained, and
-- not append-only: what a row's events have recorded of it can be held against a row only while its salt is here, which is
-- what it is for. To be read by whoever verifies, proves or records.
CREATE TABLE public.audit_chain_salt (
  event_kind text COLLATE "C" NOT NULL,
  event_pk   text COLLATE "C" NOT NULL,
  salt       bytea NOT NULL CONSTRAINT audit_chain_salt_check CHECK (pg_catalog.octet_length(salt) OPERATOR(pg_catalog.=) 16),
  PRIMARY KEY (event_kind, event_pk)
);
--> statement-breakpoint
-- Payload hash of a row whose table's payloads are salted: SHA-256(salt || payload). A row has one salt from its first event to
-- its erasure: 16 bytes of two random numbers with 122 bits each. `pk` is its key as events have it.
--
-- A salt that is there stays: so a row that is put back, by a backup or past the triggers, is the one that was recorded. It is
-- locked until the transaction ends (audit_chain_forget).
CREATE OR REPLACE FUNCTION public.audit_chain_salted(kind text, pk text, payload text) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  kept bytea;
BEGIN
  SELECT s.salt INTO kept FROM public.audit_chain_salt AS s WHERE s.event_kind = kind AND s.event_pk = pk FOR SHARE;
  IF NOT FOUND THEN
    INSERT INTO public.audit_chain_salt AS s (event_kind, event_pk, salt)
    VALUES (kind, pk, substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16))
    ON CONFLICT ON CONSTRAINT audit_chain_salt_pkey DO UPDATE SET salt = s.salt
    RETURNING s.salt INTO kept;
  END IF;
  RETURN sha256(kept || convert_to(payload, 'UTF8'));
END
$function$;
--> statement-breakpoint
-- Guard of our own tables: what is in them stays as it is, for everyone.
CREATE OR REPLACE FUNCTION public.audit_chain_append_only() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'AC004',
          HINT = 'Links, configuration and secrets are never changed or removed. To change what is covered, use audit_chain_attach or audit_chain_detach.';
END
$function$;
--> statement-breakpoint
-- Bounds of an event's labels and hash, checked when it is captured and not only at commit.
CREATE OR REPLACE FUNCTION public.audit_chain_check_event(kind text, pk text, payload_hash bytea) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF kind IS NULL OR kind = '' OR octet_length(convert_to(kind, 'UTF8')) > 200 THEN
    RAISE EXCEPTION 'the event kind must have 1 to 200 bytes, this one has %', coalesce(octet_length(convert_to(kind, 'UTF8'))::text, 'no value (NULL)')
      USING ERRCODE = 'AC005', HINT = 'Use a short name, such as the name of a table.';
  ELSIF position(':' IN kind) > 0 THEN
    RAISE EXCEPTION 'the event kind % has a colon, which stands before the role of an event of a table', quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = 'Use another character, such as a dot.';
  ELSIF pk IS NULL OR octet_length(convert_to(pk, 'UTF8')) > 2000 THEN
    RAISE EXCEPTION 'the key of a % event must have at most 2000 bytes, this one has %', kind, coalesce(octet_length(convert_to(pk, 'UTF8'))::text, 'no value (NULL)')
      USING ERRCODE = 'AC005', HINT = 'Key the event by something shorter, such as an id or a digest.';
  ELSIF payload_hash IS NULL OR octet_length(payload_hash) <> 32 THEN
    RAISE EXCEPTION 'the payload hash of a % event must have 32 bytes (SHA-256), this one has %', kind, coalesce(octet_length(payload_hash)::text, 'no value (NULL)')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Hash the canonical JSON of the payload with SHA-256.';
  END IF;
END
$function$;
--> statement-breakpoint
-- The same for many events: only those that are out of bounds are looked at one by one.
CREATE OR REPLACE FUNCTION public.audit_chain_check_events(kinds text[], pks text[], payload_hashes bytea[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_check_event(e.kind, e.pk, e.payload_hash)
     FROM (SELECT unnest(kinds) AS kind, unnest(pks) AS pk, unnest(payload_hashes) AS payload_hash OFFSET 0) AS e
    -- In no encoding does a byte become more than four.
    WHERE (position(':' IN e.kind) = 0 AND octet_length(e.kind) BETWEEN 1 AND 50 AND octet_length(e.pk) <= 500 AND octet_length(e.payload_hash) = 32) IS NOT TRUE;
END
$function$;
--> statement-breakpoint
-- The doors without a table take no kind that belongs to a table, nor one of ours: else a link could be forged there.
CREATE OR REPLACE FUNCTION public.audit_chain_check_kind(event_kind text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF starts_with(event_kind, 'audit_chain') THEN
    RAISE EXCEPTION 'kinds that begin with audit_chain are reserved, this one is %', quote_literal(event_kind)
      USING ERRCODE = 'AC003', HINT = 'Choose another kind.';
  ELSIF EXISTS (SELECT FROM public.audit_chain_relation AS r WHERE r.kind = event_kind) THEN
    RAISE EXCEPTION 'the kind % belongs to an audited table', quote_literal(event_kind)
      USING ERRCODE = 'AC003', HINT = 'Insert the row into that table, or choose another kind.';
  END IF;
END
$function$;
--> statement-breakpoint
-- Serialises linking until the transaction ends. The tail must be read in a statement of its own afterwards. Returns true,
-- because an expression costs a third of a PERFORM.
CREATE OR REPLACE FUNCTION public.audit_chain_lock_chain() RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- WHERE id: found by the index. Without it there is no plan but a scan, which under enable_seqscan = off has a cost of
  -- 10,000,000,000 up to PostgreSQL 17, and so is compiled where LLVM is installed: 8 to 53 ms each time.
  PERFORM FROM public.audit_chain_lock WHERE id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the row of public.audit_chain_lock is missing, so links cannot be serialised'
      USING ERRCODE = 'AC002', HINT = 'Put it back as the owner: INSERT INTO public.audit_chain_lock DEFAULT VALUES';
  END IF;
  RETURN true;
END
$function$;
--> statement-breakpoint
-- Appends events to the chain, in the order given. The caller holds the chain's lock, and has made sure that no event
-- of theirs is chained already. `changes` is NULL for an event, and its role for one of a row that has one already
-- (insert, update, delete, record). Such an event is keyed by its own seq, so it gets its final kind and key here.
-- `before_hashes` is NULL, or has for each event the payload hash of the row before, or NULL. Returns the chain's new size.
--
-- One loop for any number of events. Simple expressions cost less than the start of a statement where there is one
-- event, and as little as an aggregate where there are thousands. Sealing takes 12 us a row (PostgreSQL 18, CPU of the
-- backend, 100,000 rows). Of these the INSERT into the chain with its two indexes takes 6, which bounds everything
-- else; the loop takes 2.5, and reading and removing the pending rows 2.5.
CREATE OR REPLACE FUNCTION public.audit_chain_extend(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], changes text[]) RETURNS bigint
LANGUAGE plpgsql
-- While the chain is short, a scan of it looks cheaper than its index. That plan would be kept when it is not.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
DECLARE
  before     bigint;
  head_hash  bytea;
  event_hash bytea;
  events     bytea[] := '{}';
  chains     bytea[];
  linked_at  timestamptz;
  opening    text;
  inserted   bigint;
BEGIN
  SELECT c.seq, c.chain_hash INTO before, head_hash FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  IF before IS NULL THEN
    before := 0;
    head_hash := decode(repeat('00', 32), 'hex');
  END IF;
  chains := ARRAY[head_hash];
  linked_at := clock_timestamp();
  opening := concat('{"appended_at":"', to_char(linked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"');
  FOR i IN 1 .. cardinality(kinds) LOOP
    IF changes[i] IS NOT NULL THEN
      kinds[i] := concat(kinds[i], ':', changes[i]);
      pks[i] := concat(pks[i], '@', before + i);
    END IF;
    event_hash := sha256(convert_to(concat(opening, ',"before_hash":"' || encode(before_hashes[i], 'hex') || '"',
                                           ',"event_kind":', to_json(kinds[i]), ',"event_pk":', to_json(pks[i]), ',"payload_hash":"', encode(payload_hashes[i], 'hex'), '"}'), 'UTF8'));
    head_hash := sha256(head_hash || event_hash || int8send(before + i));
    events := array_append(events, event_hash);
    chains := array_append(chains, head_hash);
  END LOOP;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    -- Here the tail was read as of the transaction's first statement: a seq can be taken without our seeing it. Asking
    -- every time costs 1 us a row and a WAL record more.
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at)
    SELECT before + e.n, e.kind, e.pk, e.payload, e.event, e.prev, chains[e.n + 1], e.before_row, linked_at
      FROM unnest(kinds, pks, payload_hashes, before_hashes, events, chains) WITH ORDINALITY AS e(kind, pk, payload, before_row, event, prev, n)
     WHERE e.n <= cardinality(kinds)
    ON CONFLICT (seq) DO NOTHING;
    GET DIAGNOSTICS inserted = ROW_COUNT;
    IF inserted <> cardinality(kinds) THEN
      RAISE EXCEPTION 'the chain has grown since this transaction''s snapshot was taken'
        USING ERRCODE = 'serialization_failure', HINT = 'Repeat the transaction. READ COMMITTED never needs this.';
    END IF;
  ELSIF cardinality(kinds) = 1 THEN
    -- The statement below takes 38 us longer for one event: of 445 us that a commit of one strict row took its process.
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at)
    VALUES (before + 1, kinds[1], pks[1], payload_hashes[1], event_hash, chains[1], head_hash, before_hashes[1], linked_at);
  ELSE
    INSERT INTO public.audit_chain (seq, event_kind, event_pk, payload_hash, event_hash, prev_hash, chain_hash, before_hash, appended_at)
    -- Not FROM unnest(…) with six arrays, each of which would be kept whole before the first row: 0.8 us a row.
    SELECT before + generate_series(1, cardinality(kinds)), unnest(kinds), unnest(pks), unnest(payload_hashes), unnest(events),
           unnest(chains[:cardinality(kinds)]), unnest(chains[2:]), unnest(before_hashes), linked_at;
  END IF;
  RETURN before + cardinality(kinds);
END
$function$;
--> statement-breakpoint
-- The link since which rows of a kind have the keys that they have now, 0 where they always had them. Another key was
-- chosen then, or a column of the key got a type that prints other texts (the verifier's coverage/key-epochs.ts has the same
-- rule). Events of before are about rows whose keys are others now.
CREATE OR REPLACE FUNCTION public.audit_chain_keyed_since(kind text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH keys AS (
    SELECT c.id, array_agg(c.members[p.place] ORDER BY k.n) AS members, array_agg(c.column_types[p.place] ORDER BY k.n) AS types
      FROM public.audit_chain_config AS c CROSS JOIN LATERAL unnest(c.key_columns) WITH ORDINALITY AS k(name, n)
     CROSS JOIN LATERAL (SELECT coalesce(array_position(c.columns, k.name), 0) AS place) AS p
     WHERE c.kind = audit_chain_keyed_since.kind
     GROUP BY c.id
  ), pairs AS (
    SELECT k.id, k.members, k.types, lag(k.members) OVER (ORDER BY k.id) AS members_before, lag(k.types) OVER (ORDER BY k.id) AS types_before FROM keys AS k
  )
  SELECT coalesce(max(l.seq), 0)
    FROM pairs AS p JOIN public.audit_chain AS l ON l.event_kind = 'audit_chain_config' AND l.event_pk = p.id::text
   WHERE p.members <> p.members_before
      OR EXISTS (
        SELECT FROM unnest(p.types_before, p.types) AS t(was, now)
         WHERE t.was <> t.now
           AND NOT (t.was ~ '^(text|character varying(\(\d+\))?)$' AND t.now ~ '^(text|character varying(\(\d+\))?)$')
           AND NOT (t.was IN ('smallint', 'integer', 'bigint') AND t.now IN ('smallint', 'integer', 'bigint'))
           AND NOT (right(t.was, 1) = '}' AND starts_with(t.now, concat(left(t.was, -1), ','))))
$function$;
--> statement-breakpoint
-- Payload hash of the newest event of a tracked row's key in the chain; NULL where there is none, or it is a deletion. `since`
-- is audit_chain_keyed_since of the kind, which takes longer than the rest.
--
-- A change is keyed by its own seq, and the index has these as text, where 10 stands before 9. So the longest are
-- looked for first, each length from its highest number down. That takes a few probes, however often the row has
-- changed.
CREATE OR REPLACE FUNCTION public.audit_chain_newest_hash(kind text, pk text, since bigint) RETURNS bytea
LANGUAGE plpgsql STABLE
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $function$
DECLARE
  prefix text := concat(pk, '@');
  size   bigint;
  newest public.audit_chain;
  link   public.audit_chain;
  role   text;
BEGIN
  SELECT c.seq INTO size FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  SELECT c.* INTO newest FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = pk;
  FOREACH role IN ARRAY ARRAY['insert', 'update', 'delete', 'record', 'retire', 'erase', 'restore'] LOOP
    role := concat(kind, ':', role);
    PERFORM FROM public.audit_chain AS c WHERE c.event_kind = role AND c.event_pk > prefix AND c.event_pk < concat(prefix, ':') LIMIT 1;
    CONTINUE WHEN NOT FOUND;
    FOR digits IN REVERSE length(size::text) .. 1 LOOP
      -- Keys can contain an @ themselves: another row's changes are not this one's.
      SELECT c.* INTO link FROM public.audit_chain AS c
       WHERE c.event_kind = role AND c.event_pk > prefix AND c.event_pk <= concat(prefix, least(size, repeat('9', digits)::numeric))
         AND length(c.event_pk) = length(prefix) + digits AND c.event_pk = concat(prefix, c.seq)
       ORDER BY c.event_pk DESC LIMIT 1;
      EXIT WHEN FOUND;
    END LOOP;
    IF link.seq > coalesce(newest.seq, 0) THEN
      newest := link;
    END IF;
  END LOOP;
  RETURN CASE WHEN newest.seq <= since OR newest.event_kind IN (concat(kind, ':delete'), concat(kind, ':retire'), concat(kind, ':erase')) THEN NULL ELSE newest.payload_hash END;
END
$function$;
--> statement-breakpoint
-- A way through all events of one key, each of which leads from the hash before it to the hash after it (NULL: no row).
-- It is an Eulerian trail, found by Hierholzer's algorithm: any number of steps through repeated hashes takes linear
-- time. Where it can begin at several hashes, it begins at `first_hash`, or else where the first event does. Returns
-- the numbers of the events in that order; NULL where there is no such way.
CREATE OR REPLACE FUNCTION public.audit_chain_trail(befores bytea[], afters bytea[], first_hash bytea) RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  events   integer := cardinality(befores);
  leaves   integer[];
  reaches  integer[];
  start    integer;
  surplus  integer[];
  starts   integer := 0;
  -- Events that leave a hash, oldest first: the first one, and from each the next.
  first_of integer[];
  next_of  integer[];
  path     integer[];
  via      integer[];
  depth    integer := 1;
  event    integer;
  trail    integer[];
  place    integer := events;
BEGIN
  -- Hashes get numbers.
  SELECT array_agg(n.number ORDER BY n.n) FILTER (WHERE n.side = 'before'), array_agg(n.number ORDER BY n.n) FILTER (WHERE n.side = 'after'),
         min(n.number) FILTER (WHERE n.side = 'first'), array_fill(0, ARRAY[max(n.number)::integer])
    INTO leaves, reaches, start, first_of
    FROM (SELECT e.*, dense_rank() OVER (ORDER BY e.hash) AS number
            FROM (SELECT 'before' AS side, b.* FROM unnest(befores) WITH ORDINALITY AS b(hash, n)
                  UNION ALL SELECT 'after', a.* FROM unnest(afters) WITH ORDINALITY AS a(hash, n)
                  UNION ALL SELECT 'first', first_hash, 0) AS e(side, hash, n)) AS n;
  surplus := first_of;
  next_of := array_fill(0, ARRAY[events]);
  trail := next_of;
  FOR i IN REVERSE events .. 1 LOOP
    next_of[i] := first_of[leaves[i]];
    first_of[leaves[i]] := i;
    surplus[leaves[i]] := surplus[leaves[i]] + 1;
    surplus[reaches[i]] := surplus[reaches[i]] - 1;
  END LOOP;
  IF first_of[start] = 0 THEN
    start := leaves[1];
  END IF;
  FOR i IN 1 .. cardinality(surplus) LOOP
    IF surplus[i] > 0 THEN
      start := i;
      starts := starts + surplus[i];
    END IF;
  END LOOP;
  IF starts > 1 THEN
    RETURN NULL;
  END IF;
  path := ARRAY[start];
  via := ARRAY[0];
  WHILE depth > 0 LOOP
    event := first_of[path[depth]];
    IF event > 0 THEN
      first_of[path[depth]] := next_of[event];
      depth := depth + 1;
      path[depth] := reaches[event];
      via[depth] := event;
    ELSE
      IF via[depth] > 0 THEN
        trail[place] := via[depth];
        place := place - 1;
      END IF;
      depth := depth - 1;
    END IF;
  END LOOP;
  RETURN CASE WHEN place = 0 THEN trail END;
END
$function$;
--> statement-breakpoint
-- The order in which a batch of events has to be linked, so that each change's before_hash meets the payload hash of
-- the event of its key before it. Capture sees the changes of one transaction in the order in which triggers fire.
-- Where an application's AFTER trigger changes a sibling row that the same statement has changed, the later change
-- comes first.
--
-- Events stand in the order of capture; `changes` is update, delete or NULL (an insert). Only keys with several events
-- of one transaction are looked at, and their events share the places that they have among the others. Returns for each
-- place the number of the event that belongs there, or NULL where capture's order is right. NULL also stands where no
-- order fits: someone has changed the row past its trigger.
CREATE OR REPLACE FUNCTION public.audit_chain_causal_order(
  xids xid8[], kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], changes text[]) RETURNS integer[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan SET jit = off
AS $function$
DECLARE
  key       record;
  trail     integer[];
  at_place  integer[];
  is_circle boolean;
  first_hash bytea;
BEGIN
  FOR key IN
    WITH event AS (
      SELECT e.n::integer, e.xid, e.kind, e.pk, e.before, CASE WHEN e.change = 'delete' THEN NULL ELSE e.payload END AS after
        FROM unnest(xids, kinds, pks, payload_hashes, before_hashes, changes) WITH ORDINALITY AS e(xid, kind, pk, payload, before, change, n)
    ), several AS (
      SELECT e.kind, e.pk FROM event AS e GROUP BY e.xid, e.kind, e.pk HAVING count(*) > 1
    ), placed AS (
      SELECT e.*, lag(e.after) OVER own IS DISTINCT FROM e.before AND row_number() OVER own > 1 AS is_broken,
             CASE WHEN row_number() OVER own = 1 THEN lag(e.n) OVER (PARTITION BY e.kind, e.pk ORDER BY e.n) END AS place_before
        FROM event AS e WHERE (e.kind, e.pk) IN (SELECT s.kind, s.pk FROM several AS s)
      WINDOW own AS (PARTITION BY e.xid, e.kind, e.pk ORDER BY e.n)
    )
    SELECT p.kind, p.pk, array_agg(p.n ORDER BY p.n) AS places, array_agg(p.before ORDER BY p.n) AS befores,
           array_agg(p.after ORDER BY p.n) AS afters, bool_or(p.is_broken) AS is_broken, min(p.place_before) AS place_before
      FROM placed AS p GROUP BY p.xid, p.kind, p.pk HAVING count(*) > 1 ORDER BY min(p.n)
  LOOP
    -- What begins where it ends can begin at each of its hashes: what was recorded of the key before tells which.
    is_circle := key.befores[1] IS NOT DISTINCT FROM key.afters[cardinality(key.afters)];
    CONTINUE WHEN NOT key.is_broken AND NOT is_circle;
    IF key.place_before IS NULL THEN
      first_hash := public.audit_chain_newest_hash(key.kind, key.pk, public.audit_chain_keyed_since(key.kind));
    ELSE
      key.place_before := coalesce(at_place[key.place_before], key.place_before);
      first_hash := CASE WHEN changes[key.place_before] = 'delete' THEN NULL ELSE payload_hashes[key.place_before] END;
    END IF;
    CONTINUE WHEN NOT key.is_broken AND first_hash IS NOT DISTINCT FROM key.befores[1];
    trail := public.audit_chain_trail(key.befores, key.afters, first_hash);
    CONTINUE WHEN trail IS NULL;
    IF at_place IS NULL THEN
      SELECT array_agg(n) INTO at_place FROM generate_series(1, cardinality(kinds)) AS n;
    END IF;
    FOR i IN 1 .. cardinality(trail) LOOP
      at_place[key.places[i]] := key.places[trail[i]];
    END LOOP;
  END LOOP;
  RETURN at_place;
END
$function$;
--> statement-breakpoint
-- Moves pending rows into the chain. With `own` these are the rows of one transaction, for strict tables at commit,
-- where a conflict is an error. With `own` NULL they are whatever has been committed, for the sealer, which sets a
-- conflicting row aside so that it never stops the others. Returns how many rows it dealt with.
--
-- Nearly always every event is new. A commit of a few events looks first whether they are. Where there are many, and in
-- the sealer, linking is tried at once, in a subtransaction: with thousands of events a look costs as much as the whole
-- loop. Only what turns out not to be new is judged, event by event. The statement for that takes longer to plan and to
-- start than all the others together: 1 ms of each commit when it always ran.
CREATE OR REPLACE FUNCTION public.audit_chain_link(own xid8, max_rows integer) RETURNS integer
LANGUAGE plpgsql
-- Rows are few beside the chain and are reached by an index. A plan that reads the whole chain for each batch looks
-- cheap while the chain is short, and is kept when it is not. A scan that cannot be avoided costs 10,000,000,000 then:
-- without jit = off it would be compiled, at 8 to 53 ms (PostgreSQL 14 to 17 with LLVM).
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  few      CONSTANT integer := 8;
  ahead    CONSTANT integer := 100000;
  places   tid[];
  kinds    text[];
  pks      text[];
  payloads bytea[];
  befores  bytea[];
  changes  text[];
  xids     xid8[];
  places_in_order integer[];
  last_id  bigint;
  odd      text[];
  is_changed boolean;
  is_nested boolean;
  several  boolean;
  unusual  boolean;
  locked   boolean;
  size     bigint;
BEGIN
  -- Two statements, because one for both would get one plan for both: with a large backlog of sealed rows, a commit of
  -- a strict table must find its own by the index. A transaction's own rows are nobody else's: they are read, and taken
  -- out, before the lock. The sealer reads under it, or two sealers would take the same rows. A scalar subquery keeps the
  -- planner to one probe of the index for each event.
  IF own IS NULL THEN
    locked := public.audit_chain_lock_chain();
    SELECT array_agg(p.ctid), array_agg(p.event_kind), array_agg(p.event_pk), array_agg(p.payload_hash), array_agg(p.before_hash),
           array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), bool_or(p.op IN ('update', 'delete')), bool_or(p.nested), array_agg(p.xid), max(p.id),
           bool_or(p.op = 'door')
      INTO places, kinds, pks, payloads, befores, changes, is_changed, is_nested, xids, last_id, unusual
      FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t WHERE t.conflict IS NULL ORDER BY t.id LIMIT max_rows) AS p;
  ELSE
    SELECT array_agg(p.ctid), array_agg(p.event_kind), array_agg(p.event_pk), array_agg(p.payload_hash), array_agg(p.before_hash),
           array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), bool_or(p.op IN ('update', 'delete')), bool_or(p.nested), array_agg(p.xid), max(p.id),
           bool_or(p.op NOT IN ('update', 'delete', 'retire', 'erase', 'restore')
                   AND (SELECT true FROM public.audit_chain AS c WHERE c.event_kind = p.event_kind AND c.event_pk = p.event_pk))
      INTO places, kinds, pks, payloads, befores, changes, is_changed, is_nested, xids, last_id, unusual
      FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t WHERE t.xid = own AND t.mode = 'strict' ORDER BY t.xid, t.id LIMIT few) AS p;
    IF cardinality(places) = few THEN
      SELECT array_agg(p.ctid), array_agg(p.event_kind), array_agg(p.event_pk), array_agg(p.payload_hash), array_agg(p.before_hash),
             array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), bool_or(p.op IN ('update', 'delete')), bool_or(p.nested), array_agg(p.xid), max(p.id), false
        INTO places, kinds, pks, payloads, befores, changes, is_changed, is_nested, xids, last_id, unusual
        FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t WHERE t.xid = own AND t.mode = 'strict' ORDER BY t.xid, t.id LIMIT max_rows) AS p;
    END IF;
  END IF;
  IF places IS NULL THEN
    RETURN 0;
  END IF;
  IF is_nested AND cardinality(places) >= max_rows THEN
    -- The batch ends somewhere in a transaction: it takes in what comes later of the same keys, or they could not be put in
    -- order. Only where triggers have changed rows, because a look costs half as much as the batch; and no further than
    -- `ahead`, which bounds the memory that somebody's transaction can make the sealer use.
    SELECT places || coalesce(array_agg(p.ctid), '{}'), kinds || coalesce(array_agg(p.event_kind), '{}'), pks || coalesce(array_agg(p.event_pk), '{}'),
           payloads || coalesce(array_agg(p.payload_hash), '{}'), befores || coalesce(array_agg(p.before_hash), '{}'),
           changes || coalesce(array_agg(CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN p.op END), '{}'), xids || coalesce(array_agg(p.xid), '{}'), true
      INTO places, kinds, pks, payloads, befores, changes, xids, is_changed
      FROM (SELECT t.ctid, t.* FROM public.audit_chain_pending AS t
             WHERE t.id > last_id AND t.conflict IS NULL AND (own IS NULL OR t.xid = own AND t.mode = 'strict') ORDER BY t.id LIMIT ahead) AS p
     WHERE p.op IN ('insert', 'update', 'delete')
       AND (p.xid, p.event_kind, p.event_pk) IN (SELECT e.xid, e.kind, e.pk FROM unnest(xids, kinds, pks) AS e(xid, kind, pk));
  END IF;
  -- Whether a key is there twice. Where events are few it is seen at once whether their order is right: the function below
  -- takes 150 us to begin. Where they are many, most are of keys of their own: 2 ms for 10,000, by numbers instead of texts.
  IF cardinality(places) BETWEEN 2 AND few - 1 AND (is_changed OR own IS NOT NULL) THEN
    SELECT bool_or(e.n > 1 AND (e.before IS DISTINCT FROM e.left_behind OR e.after IS NOT DISTINCT FROM e.first_before)),
           coalesce(unusual, false) OR own IS NOT NULL AND bool_or(e.inserts > 1)
      INTO several, unusual
      FROM (SELECT e.before, e.after, lag(e.after) OVER own_key AS left_behind, first_value(e.before) OVER own_key AS first_before,
                   row_number() OVER own_key AS n, count(*) FILTER (WHERE e.change IS NULL) OVER own_key AS inserts
              FROM (SELECT u.xid, u.kind, u.pk, u.n, u.before, u.change, CASE WHEN u.change = 'delete' THEN NULL ELSE u.payload END AS after
                      FROM unnest(xids, kinds, pks, payloads, befores, changes) WITH ORDINALITY AS u(xid, kind, pk, payload, before, change, n)) AS e
            WINDOW own_key AS (PARTITION BY e.xid, e.kind, e.pk ORDER BY e.n)) AS e;
  ELSIF is_changed THEN
    SELECT count(*) < cardinality(pks) INTO several FROM (SELECT DISTINCT hashtextextended(pk, 0) FROM unnest(pks) AS pk) AS k;
  END IF;
  IF several AND is_changed THEN
    places_in_order := public.audit_chain_causal_order(xids, kinds, pks, payloads, befores, changes);
    IF places_in_order IS NOT NULL THEN
      SELECT array_agg(e.place ORDER BY o.n), array_agg(e.kind ORDER BY o.n), array_agg(e.pk ORDER BY o.n), array_agg(e.payload ORDER BY o.n),
             array_agg(e.before ORDER BY o.n), array_agg(e.change ORDER BY o.n)
        INTO places, kinds, pks, payloads, befores, changes
        FROM unnest(places, kinds, pks, payloads, befores, changes) WITH ORDINALITY AS e(place, kind, pk, payload, before, change, n)
        JOIN unnest(places_in_order) WITH ORDINALITY AS o(number, n) ON o.number = e.n;
    END IF;
  END IF;
  IF unusual THEN
    NULL;
  ELSIF own IS NULL OR cardinality(places) >= few THEN
    BEGIN
      DELETE FROM public.audit_chain_pending AS p WHERE p.ctid = ANY (places);
      locked := public.audit_chain_lock_chain();
      size := public.audit_chain_extend(kinds, pks, payloads, befores, changes);
      RETURN cardinality(places);
    EXCEPTION WHEN unique_violation THEN
      unusual := true;
    END;
  END IF;

  IF unusual THEN
    WITH taken AS (
      SELECT p.id, p.op, p.event_kind, p.event_pk, p.payload_hash, p.before_hash, o.n
        FROM public.audit_chain_pending AS p JOIN unnest(places) WITH ORDINALITY AS o(place, n) ON o.place = p.ctid
       WHERE p.ctid = ANY (places)
    ), keyed AS MATERIALIZED (
      SELECT k.event_kind, public.audit_chain_keyed_since(k.event_kind) AS since FROM (SELECT DISTINCT t.event_kind FROM taken AS t) AS k
    ), placed AS (
      -- What the key's first event is: one that stands in the chain, or one further up in this batch.
      SELECT t.*,
             CASE WHEN c.seq > k.since THEN c.payload_hash
                  WHEN row_number() OVER same_key > 1 THEN first_value(t.payload_hash) OVER same_key
             END AS earlier_hash,
             -- It was another row's, when rows had other keys.
             c.seq <= k.since AS is_used
        FROM taken AS t JOIN keyed AS k ON k.event_kind = t.event_kind
        LEFT JOIN LATERAL (
          SELECT a.seq, a.payload_hash FROM public.audit_chain AS a WHERE a.event_kind = t.event_kind AND a.event_pk = t.event_pk OFFSET 0) AS c ON true
      WINDOW same_key AS (PARTITION BY t.event_kind, t.event_pk, t.op IN ('update', 'delete', 'retire', 'erase', 'restore') ORDER BY t.n)
    ), judged AS (
      SELECT p.*,
             CASE WHEN p.op IN ('update', 'delete', 'retire', 'erase', 'restore') THEN 'change'
                  -- The kind was free when the door was used, and belongs to a table since.
                  WHEN p.op = 'door' AND EXISTS (SELECT FROM public.audit_chain_relation AS r WHERE r.kind = p.event_kind) THEN 'taken'
                  WHEN p.earlier_hash IS NULL AND p.is_used THEN 'change'
                  WHEN p.earlier_hash IS NULL THEN 'new'
                  WHEN p.op = 'insert' THEN 'change'
                  -- A row that was retired or erased and is there again is none that its event stands for.
                  WHEN p.earlier_hash = p.payload_hash AND NOT EXISTS (
                    SELECT FROM public.audit_chain AS r
                     WHERE r.event_kind IN (concat(p.event_kind, ':retire'), concat(p.event_kind, ':erase')) AND r.event_pk > concat(p.event_pk, '@') COLLATE "C"
                       AND r.event_pk < concat(p.event_pk, 'A') COLLATE "C" AND r.event_pk = concat(p.event_pk, '@', r.seq)) THEN 'same'
                  ELSE 'conflict'
             END AS verdict
        FROM placed AS p
    ), linked AS (
      SELECT j.*, j.verdict IN ('new', 'change') AS linked FROM judged AS j
    )
    SELECT array_agg(j.event_kind ORDER BY j.n) FILTER (WHERE j.linked), array_agg(j.event_pk ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(j.payload_hash ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(j.before_hash ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(CASE WHEN j.verdict = 'change' THEN CASE j.op WHEN 'event' THEN 'insert' ELSE j.op END END ORDER BY j.n) FILTER (WHERE j.linked),
           array_agg(concat(j.verdict, ' ', j.id) ORDER BY j.n) FILTER (WHERE j.verdict IN ('taken', 'conflict'))
      INTO kinds, pks, payloads, befores, changes, odd
      FROM linked AS j;
  END IF;

  IF odd IS NOT NULL AND own IS NOT NULL THEN
    DECLARE
      item public.audit_chain_pending;
    BEGIN
      SELECT p.* INTO item FROM public.audit_chain_pending AS p WHERE p.id = split_part(odd[1], ' ', 2)::bigint;
      RAISE EXCEPTION 'the event % % is chained with another hash', item.event_kind, quote_literal(item.event_pk)
        USING ERRCODE = 'AC001',
              DETAIL = format('The new hash is %s.', encode(item.payload_hash, 'hex')),
              HINT = 'A row with this key was recorded before and has been removed or changed since. Use another key, or find out what happened with audit-verify.';
    END;
  END IF;

  IF odd IS NULL THEN
    DELETE FROM public.audit_chain_pending AS p WHERE p.ctid = ANY (places);
  ELSE
    DELETE FROM public.audit_chain_pending AS p
     WHERE p.ctid = ANY (places) AND NOT EXISTS (SELECT FROM unnest(odd) AS o WHERE split_part(o, ' ', 2)::bigint = p.id);
    UPDATE public.audit_chain_pending AS p
       SET conflict = CASE split_part(o, ' ', 1) WHEN 'taken' THEN 'this kind belongs to an audited table'
                                                 ELSE 'this event is chained with another hash' END
      FROM unnest(odd) AS o WHERE p.id = split_part(o, ' ', 2)::bigint;
  END IF;
  locked := public.audit_chain_lock_chain();
  IF kinds IS NOT NULL THEN
    size := public.audit_chain_extend(kinds, pks, payloads, befores, changes);
  END IF;
  RETURN cardinality(places);
END
$function$;
--> statement-breakpoint
-- Links everything that can be seen in pending, in batches, under one lock: before the configuration changes.
CREATE OR REPLACE FUNCTION public.audit_chain_link_all() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  WHILE public.audit_chain_link(NULL::xid8, 10000) > 0 LOOP
  END LOOP;
END
$function$;
--> statement-breakpoint
-- Leaves to the sealer what a transaction has staged in strict tables and cannot link, unless one of the tables was
-- attached with the fallback `fail`.
CREATE OR REPLACE FUNCTION public.audit_chain_leave(own xid8, reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  refused text;
BEGIN
  SELECT k.kind INTO refused
    FROM (SELECT DISTINCT p.event_kind AS kind FROM public.audit_chain_pending AS p WHERE p.xid = own AND p.mode = 'strict') AS k
   WHERE (SELECT c.fallback FROM public.audit_chain_config AS c WHERE c.kind = k.kind ORDER BY c.id DESC LIMIT 1) = 'fail'
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'a % event cannot be linked in its transaction: %', refused, reason
      USING ERRCODE = 'lock_not_available',
            HINT = 'Repeat the transaction; audit-chain status says who holds the lock. Attached with the fallback pending, the sealer would link it later.';
  END IF;
  UPDATE public.audit_chain_pending AS p SET mode = 'late' WHERE p.xid = own AND p.mode = 'strict';
END
$function$;
--> statement-breakpoint
-- Deferred trigger of the ticket: links what this transaction has staged, as the last thing that its commit does.
--
-- Fired for the ticket's INSERT it removes the ticket, and so queues itself once more, for the DELETE: behind the
-- deferred work that is queued already. Linked at the first firing, one transaction would wait for a row under the
-- chain's lock (a deferred foreign key) while another has that row and waits for the lock.
--
-- The chain's lock is waited for no longer than 2 s, so that nobody who holds it can stop the others. What could not be
-- linked stays in pending as `late` for the sealer. While there is anything late, the lock is hardly waited for.
-- Shorter than 50 ms, and the ordinary queue of 64 clients would look like a lock that is held.
CREATE OR REPLACE FUNCTION public.audit_chain_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s'
AS $function$
DECLARE
  again   boolean;
  is_late boolean;
  reason  text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    DELETE FROM public.audit_chain_ticket AS t WHERE t.xid = NEW.xid;
    RETURN NULL;
  END IF;
  IF pg_trigger_depth() > 1 THEN
    -- At commit we are not inside another trigger. SET CONSTRAINTS ... IMMEDIATE has fired us, and the transaction may
    -- stay open: put off until it commits.
    BEGIN
      SET CONSTRAINTS public.audit_chain_commit DEFERRED;
      INSERT INTO public.audit_chain_ticket VALUES (OLD.xid) ON CONFLICT DO NOTHING;
      RETURN NULL;
    EXCEPTION WHEN wrong_object_type THEN
      -- Somebody has given a constraint in public our trigger's name, and it cannot be deferred.
      reason := 'SET CONSTRAINTS has made it immediate, and another constraint named audit_chain_commit keeps it so';
    END;
  ELSE
    SELECT EXISTS (SELECT FROM public.audit_chain_ticket AS t WHERE t.xid = OLD.xid),
           EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.mode = 'late' AND p.conflict IS NULL)
      INTO again, is_late;
    IF again THEN
      -- A deferred trigger of the application has staged more: all of it is linked behind that trigger's own deferred work.
      RETURN NULL;
    END IF;
    -- A prepared transaction keeps its locks, through a restart too. Its command can only come from a client, as text,
    -- and there is none at an implicit commit. The collation: a Turkish i has no I. No backslash, which a session with
    -- standard_conforming_strings = off would take for its own.
    IF current_setting('max_prepared_transactions') <> '0'
       AND current_query() COLLATE "C" ~* '(?:^|[;[:cntrl:]]|[*]/)[[:space:]]*prepare(?:[[:space:]]|/[*].*[*]/|--.*[[:cntrl:]])+transaction' THEN
      reason := 'the transaction is being prepared, and would keep the chain''s lock until it is committed or rolled back';
    ELSIF is_late AND EXISTS (
      SELECT FROM public.audit_chain_pending AS own WHERE own.xid = OLD.xid AND own.mode = 'strict' AND EXISTS (
        SELECT FROM public.audit_chain_pending AS l
         WHERE l.mode = 'late' AND l.conflict IS NULL AND l.event_kind = own.event_kind AND l.event_pk = own.event_pk)) THEN
      reason := 'an earlier event of the same key waits for the sealer';
    ELSE
      IF is_late THEN
        PERFORM set_config('lock_timeout', '50ms', true);
      END IF;
      BEGIN
        LOOP
          EXIT WHEN public.audit_chain_link(OLD.xid, 10000) < 10000;
        END LOOP;
        RETURN NULL;
      EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        reason := 'another transaction holds the chain''s lock';
      END;
    END IF;
  END IF;
  PERFORM public.audit_chain_leave(OLD.xid, reason);
  RETURN NULL;
END
$function$;
--> statement-breakpoint
-- Links up to `max_rows` committed rows, oldest first, and returns how many it dealt with (those set aside included). Where
-- triggers have changed rows, later changes of the same keys by the same transaction come with them.
CREATE OR REPLACE FUNCTION public.audit_chain_seal(max_rows integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF max_rows IS NULL OR max_rows < 1 THEN
    RAISE EXCEPTION 'max_rows must be 1 or more' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Nothing to do is the normal case of a frequent sealer: it must not queue for the lock.
  IF NOT EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.conflict IS NULL) THEN
    RETURN 0;
  END IF;
  RETURN public.audit_chain_link(NULL::xid8, max_rows);
END
$function$;
--> statement-breakpoint
-- The door for an event without a table. Returns its link; the same event again returns the link that is there.
-- Holds the chain's lock until the transaction ends: call it last.
CREATE OR REPLACE FUNCTION public.audit_chain_append(kind text, pk text, payload_hash bytea) RETURNS public.audit_chain
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  head    public.audit_chain;
  link    public.audit_chain;
  checked text;
BEGIN
  -- Expressions, because each PERFORM costs 3 us more.
  checked := public.audit_chain_check_event(kind, pk, payload_hash);
  checked := public.audit_chain_lock_chain();
  -- Under the lock: a table can be attached under this kind while we wait.
  checked := public.audit_chain_check_kind(kind);
  SELECT c.* INTO head FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
  link.seq := coalesce(head.seq, 0) + 1;
  link.event_kind := kind;
  link.event_pk := pk;
  link.payload_hash := audit_chain_append.payload_hash;
  link.prev_hash := coalesce(head.chain_hash, decode(repeat('00', 32), 'hex'));
  link.appended_at := clock_timestamp();
  link.event_hash := sha256(convert_to(concat(
    '{"appended_at":"', to_char(link.appended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    '","event_kind":', to_json(kind), ',"event_pk":', to_json(pk),
    ',"payload_hash":"', encode(link.payload_hash, 'hex'), '"}'), 'UTF8'));
  link.chain_hash := sha256(link.prev_hash || link.event_hash || int8send(link.seq));
  INSERT INTO public.audit_chain SELECT link.* ON CONFLICT DO NOTHING;
  IF FOUND THEN
    RETURN link;
  END IF;
  SELECT c.* INTO link FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = pk;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the chain has grown since this transaction''s snapshot was taken'
      USING ERRCODE = 'serialization_failure', HINT = 'Repeat the transaction. READ COMMITTED never needs this.';
  ELSIF link.payload_hash <> audit_chain_append.payload_hash THEN
    RAISE EXCEPTION 'the event % % is chained with another hash', kind, quote_literal(pk)
      USING ERRCODE = 'AC001',
            DETAIL = format('chained at seq %s: %s, new: %s', link.seq, encode(link.payload_hash, 'hex'), encode(audit_chain_append.payload_hash, 'hex')),
            HINT = 'An event is recorded once. Record what is new under another key.';
  END IF;
  RETURN link;
END
$function$;
--> statement-breakpoint
-- The same door for many events at once, in the order given; one row back for each.
CREATE OR REPLACE FUNCTION public.audit_chain_append_many(kinds text[], pks text[], payload_hashes bytea[]) RETURNS SETOF public.audit_chain
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link: each event is looked up by the index.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  kind       text;
  new_kinds  text[];
  new_pks    text[];
  new_hashes bytea[];
  other      bigint;
  size       bigint;
BEGIN
  IF cardinality(kinds) <> cardinality(pks) OR cardinality(kinds) <> cardinality(payload_hashes) THEN
    RAISE EXCEPTION 'kinds, pks and payload_hashes must have the same number of elements, they have %, % and %',
      cardinality(kinds), cardinality(pks), cardinality(payload_hashes) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM public.audit_chain_check_events(kinds, pks, payload_hashes);
  PERFORM public.audit_chain_lock_chain();
  -- Under the lock: a table can be attached under one of the kinds while we wait.
  FOR kind IN SELECT DISTINCT k FROM unnest(kinds) AS k LOOP
    PERFORM public.audit_chain_check_kind(kind);
  END LOOP;
  -- Nearly always every event is new: to try costs less than to look each of them up (PostgreSQL 18, 10,000 events, CPU of
  -- the backend: 10.8 us an event, 19.5 with the look). Arrays of another shape are read by position there, not here.
  IF array_dims(kinds) = concat('[1:', cardinality(kinds), ']') AND array_dims(pks) = array_dims(kinds) AND array_dims(payload_hashes) = array_dims(kinds) THEN
    BEGIN
      size := public.audit_chain_extend(kinds, pks, payload_hashes, NULL::bytea[], NULL::text[]);
      RETURN QUERY SELECT c.* FROM public.audit_chain AS c WHERE c.seq > size - cardinality(kinds) AND c.seq <= size ORDER BY c.seq;
      RETURN;
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END IF;
  WITH given AS (
    SELECT e.*, (SELECT c.payload_hash FROM public.audit_chain AS c WHERE c.event_kind = e.kind AND c.event_pk = e.pk) AS chained,
           row_number() OVER same_key AS occurrence, first_value(e.payload_hash) OVER same_key AS first_hash
      FROM unnest(kinds, pks, payload_hashes) WITH ORDINALITY AS e(kind, pk, payload_hash, n)
    WINDOW same_key AS (PARTITION BY e.kind, e.pk ORDER BY e.n)
  )
  SELECT array_agg(g.kind ORDER BY g.n) FILTER (WHERE g.occurrence = 1 AND g.chained IS NULL),
         array_agg(g.pk ORDER BY g.n) FILTER (WHERE g.occurrence = 1 AND g.chained IS NULL),
         array_agg(g.payload_hash ORDER BY g.n) FILTER (WHERE g.occurrence = 1 AND g.chained IS NULL),
         min(g.n) FILTER (WHERE g.payload_hash <> coalesce(g.chained, g.first_hash))
    INTO new_kinds, new_pks, new_hashes, other
    FROM given AS g;
  IF other IS NOT NULL THEN
    RAISE EXCEPTION 'the event % % is chained with another hash', kinds[other], quote_literal(pks[other])
      USING ERRCODE = 'AC001',
            DETAIL = format('The new hash is %s.', encode(payload_hashes[other], 'hex')),
            HINT = 'An event is recorded once. Record what is new under another key.';
  ELSIF new_kinds IS NOT NULL THEN
    size := public.audit_chain_extend(new_kinds, new_pks, new_hashes, NULL::bytea[], NULL::text[]);
  END IF;
  RETURN QUERY
    SELECT c.* FROM unnest(kinds, pks) WITH ORDINALITY AS e(kind, pk, n)
      CROSS JOIN LATERAL (SELECT a.* FROM public.audit_chain AS a WHERE a.event_kind = e.kind AND a.event_pk = e.pk OFFSET 0) AS c
     ORDER BY e.n;
END
$function$;
--> statement-breakpoint
-- The same event into pending, without any lock; it is linked at the next sealing.
CREATE OR REPLACE FUNCTION public.audit_chain_enqueue(kind text, pk text, payload_hash bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_check_event(kind, pk, payload_hash);
  PERFORM public.audit_chain_check_kind(kind);
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
  VALUES ('sealed', 'door', kind, pk, audit_chain_enqueue.payload_hash);
END
$function$;
--> statement-breakpoint
-- A name in double quotes, always. quote_ident leaves them out depending on the server's version and settings. What is
-- generated must come out the same everywhere, because the verifier compares it.
CREATE OR REPLACE FUNCTION public.audit_chain_quoted(name text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT concat('"', replace(name, '"', '""'), '"')
$function$;
--> statement-breakpoint
-- Sort key of a member name in RFC 8785's order: its UTF-16 code units in hex. COLLATE "C" differs beyond the BMP.
CREATE OR REPLACE FUNCTION public.audit_chain_utf16_order(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  units text := '';
  point integer;
BEGIN
  FOR position IN 1 .. char_length(name) LOOP
    point := ascii(substr(name, position, 1));
    IF point < 65536 THEN
      units := units || lpad(to_hex(point), 4, '0');
    ELSE
      units := units || to_hex(55296 + (point - 65536) / 1024) || to_hex(56320 + (point - 65536) % 1024);
    END IF;
  END LOOP;
  RETURN units;
END
$function$;
--> statement-breakpoint
-- The SQL expression of a row's payload: canonical JSON, one member per column that is not NULL, each value the
-- column's text output. `concat` calls the type's output function and nothing else: a cast could be a user's function.
-- It takes at most 100 arguments, hence groups of 50 columns. Label and value are arguments of their own, because a
-- call of `concat` for each member cost half as much again. The columns are named bare, and sorted by the caller.
--
-- `members` are the members' names: that of the column when it joined, which it keeps. `absent` has by member the text
-- that is left out in the place of NULL: the one that older rows have in a column that joined. NULL is written there.
CREATE OR REPLACE FUNCTION public.audit_chain_payload_expression(columns text[], members text[], absent jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  groups text[];
BEGIN
  SELECT array_agg(g.members ORDER BY g.number) INTO groups
    FROM (SELECT (c.n - 1) / 50 AS number,
                 string_agg(format(
                   CASE WHEN jsonb_exists(absent, c.member)
                        THEN 'CASE WHEN %1$s IS DISTINCT FROM NULL AND pg_catalog.concat(%1$s) COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) %3$L THEN NULL ELSE %2$L END, '
                             'CASE WHEN %1$s IS DISTINCT FROM NULL THEN CASE WHEN pg_catalog.concat(%1$s) COLLATE pg_catalog."C" OPERATOR(pg_catalog.<>) %3$L THEN pg_catalog.to_json(pg_catalog.concat(%1$s)) END ELSE ''null''::pg_catalog.json END'
                        ELSE 'CASE WHEN %1$s IS DISTINCT FROM NULL THEN %2$L END, pg_catalog.to_json(CASE WHEN %1$s IS DISTINCT FROM NULL THEN pg_catalog.concat(%1$s) END)' END,
                   public.audit_chain_quoted(c.name), concat(',', to_json(c.member), ':'), absent ->> c.member), ', ' ORDER BY c.n) AS members
            FROM unnest(columns, audit_chain_payload_expression.members) WITH ORDINALITY AS c(name, member, n)
           GROUP BY (c.n - 1) / 50) AS g;
  RETURN format('pg_catalog.concat(''{'', pg_catalog.substr(pg_catalog.concat(%s), 2), ''}'')',
    CASE WHEN cardinality(groups) = 1 THEN groups[1]
         ELSE (SELECT string_agg(format('pg_catalog.concat(%s)', g.members), ', ' ORDER BY g.n) FROM unnest(groups) WITH ORDINALITY AS g(members, n)) END);
END
$function$;
--> statement-breakpoint
-- The SQL expression of a row's key: the text of a single key column, or a JSON array of the texts; NULL where one is.
CREATE OR REPLACE FUNCTION public.audit_chain_key_expression(key_columns text[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format('CASE WHEN %s THEN %s END',
    string_agg(format('%s IS DISTINCT FROM NULL', public.audit_chain_quoted(k.name)), ' AND ' ORDER BY k.n),
    CASE WHEN cardinality(key_columns) = 1 THEN format('pg_catalog.concat(%s)', public.audit_chain_quoted(key_columns[1]))
    ELSE format('pg_catalog.concat(''['', %s, '']'')',
      string_agg(format('pg_catalog.to_json(pg_catalog.concat(%s))', public.audit_chain_quoted(k.name)), ', '','', ' ORDER BY k.n)) END)
    FROM unnest(key_columns) WITH ORDINALITY AS k(name, n)
$function$;
--> statement-breakpoint
-- What capture reads in the place of a column that is gone. A row that has this text itself is captured all the same:
-- only slower.
CREATE OR REPLACE FUNCTION public.audit_chain_gone() RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT 'audit_chain_gone_8f6d2c1e5b7a4093'
$function$;
--> statement-breakpoint
-- A FROM clause that yields `event.pk` and `event.payload` of each row of `source`. Columns may have any name: bare
-- names are looked up among the columns of `covered` first, and everything else in it is qualified.
--
-- A covered column that is gone (dropped or renamed since) is found in `missing` instead: capture must not break
-- inserts. It reads as a text that tells whoever uses the payload to make it anew with audit_chain_odd_row. OFFSET 0
-- keeps the planner from putting the payload's expression into each place where it is looked at.
CREATE OR REPLACE FUNCTION public.audit_chain_row_source(source text, key_columns text[], columns text[], members text[], absent jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT format(
    E'%s AS source\n      CROSS JOIN (SELECT %s) AS missing\n      CROSS JOIN LATERAL (SELECT %s AS pk,\n             %s AS payload\n        FROM (SELECT source.*) AS covered OFFSET 0) AS event',
    source,
    (SELECT string_agg(format('%L::text AS %s', public.audit_chain_gone(), public.audit_chain_quoted(c.name)), ', ' ORDER BY c.n) FROM unnest(columns) WITH ORDINALITY AS c(name, n)),
    public.audit_chain_key_expression(key_columns),
    public.audit_chain_payload_expression(columns, members, absent))
$function$;
--> statement-breakpoint
-- Blinded form of a row's key: the lower-case hex of HMAC-SHA256 (RFC 2104) under the table's secret of 32 bytes. Nothing
-- but sha256() is needed. Every name is qualified instead of a search_path of its own, which costs 5 us a row.
CREATE OR REPLACE FUNCTION public.audit_chain_blind_key(secret bytea, key_text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
AS $function$
DECLARE
  -- Filled up with zeros to a block of SHA-256, as bits, which are the only bytes that SQL can XOR.
  block bit(512);
BEGIN
  IF secret IS NULL OR pg_catalog.octet_length(secret) OPERATOR(pg_catalog.<>) 32 THEN
    RAISE EXCEPTION 'the secret of the table''s keys is missing from public.audit_chain_secret'
      USING ERRCODE = 'AC002', HINT = 'Put it back from a backup: without it the table''s events cannot be found any more.';
  END IF;
  block := pg_catalog.concat('x', pg_catalog.encode(secret, 'hex'), pg_catalog.repeat('0', 64))::pg_catalog.bit(512);
  -- bit_send puts the number of bits before them, in 4 bytes.
  RETURN pg_catalog.encode(pg_catalog.sha256(
    pg_catalog.substr(pg_catalog.bit_send(block OPERATOR(pg_catalog.#) pg_catalog.concat('x', pg_catalog.repeat('5c', 64))::pg_catalog.bit(512)), 5)
    OPERATOR(pg_catalog.||) pg_catalog.sha256(
      pg_catalog.substr(pg_catalog.bit_send(block OPERATOR(pg_catalog.#) pg_catalog.concat('x', pg_catalog.repeat('36', 64))::pg_catalog.bit(512)), 5)
      OPERATOR(pg_catalog.||) pg_catalog.convert_to(key_text, 'UTF8'))), 'hex');
END
$function$;
--> statement-breakpoint
-- The key of a row that has none, or one that is too long: an error, while the row is being written and not only when its
-- transaction commits.
CREATE OR REPLACE FUNCTION public.audit_chain_odd_key(kind text, pk text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF pk IS NULL OR octet_length(convert_to(pk, 'UTF8')) > 2000 THEN
    RAISE EXCEPTION 'the key of a row of % must have at most 2000 bytes, this one has %', kind, coalesce(octet_length(convert_to(pk, 'UTF8'))::text, 'no value (NULL)')
      USING ERRCODE = 'AC005',
            HINT = 'If a key column was dropped, run audit-chain sync for the table. Else attach it with a shorter key (--key).';
  END IF;
  RETURN pk;
END
$function$;
--> statement-breakpoint
-- The numbers of an attached table's columns, by the names under which they were configured. A dump and a restore give a
-- table another oid, and its columns other numbers where some had been dropped: then names are all there is.
CREATE OR REPLACE FUNCTION public.audit_chain_numbers(live public.audit_chain_relation) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT CASE WHEN live.numbered_for = live.relid::oid THEN live.column_numbers::jsonb
              ELSE (SELECT coalesce(jsonb_object_agg(e.key, a.attnum), '{}')
                      FROM jsonb_each(live.column_numbers::jsonb) AS e
                      JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attname::text = e.key AND a.attnum > 0 AND NOT a.attisdropped) END
$function$;
--> statement-breakpoint
-- Key and payload of a row of which the capture function cannot make them as it was generated: columns have been renamed
-- or dropped, or their types changed behind a session's plan. Columns are found by their numbers, so that a renamed one
-- is recorded as before and nothing is lost until the change is recorded. This is slow.
--
-- The row comes as the text of a record, and is taken apart here. If the record itself were handed over, and turned
-- into json or cast to the row's type, casts to json and CHECKs of domains would run as our owner. The table's owner
-- can define these.
CREATE OR REPLACE FUNCTION public.audit_chain_odd_row(kind text, relation oid, row_text text, OUT pk text, OUT payload text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config    public.audit_chain_config;
  live      public.audit_chain_relation;
  fields    text[];
  positions jsonb;
  keys      text[];
  value     text;
BEGIN
  SELECT c.* INTO config FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_odd_row.kind ORDER BY c.id DESC LIMIT 1;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_odd_row.kind;
  -- (1,,"a ""b"" \\ c"): fields between commas, NULL where there is nothing, quotes and backslashes doubled.
  SELECT array_agg(CASE WHEN f.m[1] = '' THEN NULL
                        WHEN starts_with(f.m[1], '"') THEN replace(replace(substr(f.m[1], 2, char_length(f.m[1]) - 2), '""', '"'), E'\\\\', E'\\')
                        ELSE f.m[1] END ORDER BY f.n) INTO fields
    FROM regexp_matches(concat(substr(row_text, 2, char_length(row_text) - 2), ','), '("(?:[^"]|"")*"|[^",]*),', 'g') WITH ORDINALITY AS f(m, n);
  -- Partitions have numbers of their own: the names lead from the root's numbers to the relation's positions.
  SELECT jsonb_object_agg(n.key, (SELECT count(*) FROM pg_attribute AS b
            WHERE b.attrelid = relation AND b.attnum BETWEEN 1 AND own.attnum AND NOT b.attisdropped)) INTO positions
    FROM jsonb_each_text(public.audit_chain_numbers(live)) AS n
    JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attnum = n.value::smallint AND NOT a.attisdropped
    JOIN pg_attribute AS own ON own.attrelid = relation AND own.attname = a.attname;
  SELECT array_agg(fields[(positions ->> k.name)::integer] ORDER BY k.n) INTO keys
    FROM unnest(config.key_columns) WITH ORDINALITY AS k(name, n);
  IF array_position(keys, NULL) IS NULL THEN
    pk := CASE WHEN cardinality(keys) = 1 THEN keys[1]
               ELSE (SELECT concat('[', string_agg(to_json(t.value)::text, ',' ORDER BY t.n), ']') FROM unnest(keys) WITH ORDINALITY AS t(value, n)) END;
  END IF;
  payload := '';
  FOR i IN 1 .. cardinality(config.columns) LOOP
    CONTINUE WHEN NOT jsonb_exists(positions, config.columns[i]);
    value := fields[(positions ->> config.columns[i])::integer];
    CONTINUE WHEN value IS NOT DISTINCT FROM config.absent ->> config.members[i];
    payload := concat(payload, ',', to_json(config.members[i]), ':', coalesce(to_json(value), 'null'::json));
  END LOOP;
  payload := concat('{', substr(payload, 2), '}');
END
$function$;
--> statement-breakpoint
-- A capture function works for the relation it was made for and for no other, whoever put it on a trigger. It compares
-- names first; this looks up a renamed table or a partition.
CREATE OR REPLACE FUNCTION public.audit_chain_check_relation(kind text, relation oid) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM FROM public.audit_chain_relation AS r
    WHERE r.kind = audit_chain_check_relation.kind AND r.relid IN (relation, pg_partition_root(relation));
  IF NOT FOUND THEN
    RAISE EXCEPTION '% is not configured for the audit chain under the kind %', relation::regclass, quote_literal(kind)
      USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %s', relation::regclass);
  END IF;
END
$function$;
--> statement-breakpoint
-- What a guard says: for everybody, owners and cascades included.
CREATE OR REPLACE FUNCTION public.audit_chain_refuse(relation text, operation text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION '% of audited rows of % is refused: they are recorded in the audit chain', operation, relation
    USING ERRCODE = 'AC004',
          HINT = CASE operation
            WHEN 'TRUNCATE' THEN 'Rows of an audited table are kept. To stop auditing it, run audit-chain detach (the detachment is recorded).'
            ELSE 'Insert a new row instead. If rows of this table change legitimately, attach it with --changes track, which the verifier reports as coverage_narrowed until its policy has approved it; columns that are noise can be excluded.' END;
END
$function$;
--> statement-breakpoint
-- What a guard does about a row that is being deleted: refuses it, unless a door lets just this row go in just this
-- transaction. Then its leaving is an event, whose role is the door's and whose payload is the row. Linked at commit in either
-- mode: so it is never the sealer's alone to see.
CREATE OR REPLACE FUNCTION public.audit_chain_let_go(relation text, kind text, pk text, row_hash bytea) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  leaving text;
BEGIN
  DELETE FROM public.audit_chain_leaving AS l
   WHERE l.xid = pg_current_xact_id() AND l.event_kind = kind AND l.event_pk = pk AND l.payload_hash = row_hash AND l.role <> 'restore'
  RETURNING l.role INTO leaving;
  IF NOT FOUND THEN
    PERFORM public.audit_chain_refuse(relation, 'DELETE'::text);
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
  VALUES ('strict', leaving, kind, pk, row_hash, row_hash);
  -- What it was cannot be told any more from what was recorded of it.
  DELETE FROM public.audit_chain_salt AS s WHERE s.event_kind = kind AND s.event_pk = pk;
  INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
END
$function$;
--> statement-breakpoint
-- Says of a row that is to be put back that it is another one than was recorded.
CREATE OR REPLACE FUNCTION public.audit_chain_another_row(relation text, pk text, actual bytea, recorded bytea, seq bigint) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION 'the row % of % hashes to % as it was put back, and % was recorded at seq %', pk, relation,
    coalesce(encode(actual, 'hex'), 'nothing'), coalesce(encode(recorded, 'hex'), 'nothing'), seq
    USING ERRCODE = 'AC001',
          HINT = 'Nothing was changed. The chain keeps no values, so it cannot say which of them differ: this is another state of the row, or a trigger of the table has changed it on its way, or the table''s shape has changed since it was recorded.';
END
$function$;
--> statement-breakpoint
-- What a guard does about a row that is being changed: refuses it, unless audit_chain_restore puts just this row back as it
-- was recorded, in just this transaction. `pk` is NULL where the row gets another key: then it is not the same row.
CREATE OR REPLACE FUNCTION public.audit_chain_put_back(relation text, kind text, pk text, before bytea, after bytea) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  recorded bytea;
BEGIN
  DELETE FROM public.audit_chain_leaving AS l
   WHERE l.xid = pg_current_xact_id() AND l.event_kind = kind AND l.event_pk = pk AND l.payload_hash = after AND l.role = 'restore';
  IF NOT FOUND THEN
    SELECT l.payload_hash INTO recorded FROM public.audit_chain_leaving AS l
     WHERE l.xid = pg_current_xact_id() AND l.event_kind = kind AND l.event_pk = pk AND l.role = 'restore';
    IF FOUND THEN
      PERFORM public.audit_chain_another_row(relation, pk, after, recorded, (SELECT s.seq FROM public.audit_chain_standing(kind, pk) AS s));
    END IF;
    PERFORM public.audit_chain_refuse(relation, 'UPDATE'::text);
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
  VALUES ('strict', 'restore', kind, pk, after, before);
  INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
END
$function$;
--> statement-breakpoint
-- Name of a kind's capture function: kinds can be longer than a name may be.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_name(kind text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT concat('audit_chain_capture_', substr(encode(sha256(convert_to(kind, 'UTF8')), 'hex'), 1, 16))
$function$;
--> statement-breakpoint
-- The body of a table's capture function, generated from its configuration. The verifier generates the same text
-- (capture-source.ts) and compares. `row_wise` is for row triggers instead of a statement trigger for INSERT. Statement
-- triggers with transition tables do not see rows routed to partitions or put directly into one, and tracked events
-- must be staged in the order in which they happen.
--
-- Calls name the types of their arguments. In a database where everyone may create functions in public, a literal
-- without a type could find someone else's overload, which would then run as our owner. Columns can have any name, so a
-- variable that stands beside them is qualified by its block. A session that has a plan for NEW or OLD keeps it when a
-- column gets another type, and would fail from then on: hence the exception blocks.
--
-- CPU of the server beside the same table unaudited (six narrow columns, PostgreSQL 18):
--   50,000 rows in one INSERT                  0.21 s, sealed 0.69, strict 1.69
--   20,000 single inserts in one transaction   0.16 s, sealed 1.3, strict 2.0; twice that for twice as many
--
-- A single sealed insert adds 57 us. Of these the trigger takes 5, its settings 5, the row of pending 12, and the start
-- of the one large expression most of the rest. As PL/pgSQL assignments that takes a third less, but a bulk insert
-- twice as long, and a dropped column could not be overcome.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_source(
  kind text, relation text, key_columns text[], columns text[], members text[], absent jsonb, changes text, mode text, row_wise boolean, blind_key boolean, salt boolean) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  insert_into text := '    INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash';
  -- The secret is read when a row is captured: everybody can read a function's source.
  blind text := CASE WHEN blind_key THEN 'public.audit_chain_blind_key((SELECT s.secret FROM public.audit_chain_secret AS s WHERE s.event_kind = %3$L), ' ELSE '' END;
  blind_end text := CASE WHEN blind_key THEN ')' ELSE '' END;
  body   text := E'\n#variable_conflict use_column\n<<audit_chain_capture>>\nDECLARE\n  relid oid := TG_RELID;\n'
              || E'  old_key text;\n  new_key text;\n  old_payload text;\n  new_payload text;\n';
  refuse text := format('PERFORM public.audit_chain_refuse(%L::text, TG_OP);', relation);
  read_row   text := E'    BEGIN\n      SELECT event.pk, event.payload INTO %1$s_key, %1$s_payload\n      FROM %2$s;\n'
                  || E'    EXCEPTION WHEN datatype_mismatch THEN\n      %1$s_payload := %5$L;\n    END;\n'
                  || E'    IF pg_catalog.strpos(%1$s_payload, %5$L) > 0 THEN\n      SELECT event.pk, event.payload INTO %1$s_key, %1$s_payload\n'
                  || E'      FROM public.audit_chain_odd_row(%3$L::text, relid, pg_catalog.concat(%4$s)) AS event;\n    END IF;\n';
  read_new   text := format(read_row, 'new', public.audit_chain_row_source('(SELECT NEW.*)'::text, key_columns, columns, members, absent), kind, 'NEW', public.audit_chain_gone());
  read_old   text := format(read_row, 'old', public.audit_chain_row_source('(SELECT OLD.*)'::text, key_columns, columns, members, absent), kind, 'OLD', public.audit_chain_gone());
  row_key    text := blind || E'CASE WHEN pg_catalog.octet_length(%4$s_key) <= 2000 THEN %4$s_key\n'
                  || E'                        ELSE public.audit_chain_odd_key(%3$L::text, %4$s_key) END' || blind_end;
  stage_row  text := insert_into || CASE WHEN salt
                  THEN E'%6$s)\n    SELECT %1$L, %2$L, %3$L, event.pk, public.audit_chain_salted(%3$L::text, event.pk, %4$s_payload)%5$s\n'
                    || E'      FROM (SELECT ' || row_key || E' AS pk OFFSET 0) AS event;\n'
                  ELSE E'%6$s)\n    VALUES (%1$L, %2$L, %3$L, ' || row_key || E',\n'
                    || E'           pg_catalog.sha256(pg_catalog.convert_to(%4$s_payload, ''UTF8''))%5$s);\n' END;
  old_event  text := replace(blind, '%3$L', '%2$L') || 'old_key' || blind_end;
  old_hash   text := CASE WHEN salt THEN 'public.audit_chain_salted(%2$L::text, ' || old_event || ', old_payload)' ELSE 'pg_catalog.sha256(pg_catalog.convert_to(old_payload, ''UTF8''))' END;
  let_go     text := 'PERFORM public.audit_chain_let_go(%1$L::text, %2$L::text, ' || old_event || ', ' || old_hash || ');';
  -- Another key makes it another row.
  put_back   text := 'PERFORM public.audit_chain_put_back(%1$L::text, %2$L::text, CASE WHEN new_key = old_key THEN ' || old_event || ' END, '
                  || old_hash || ', ' || replace(old_hash, 'old_payload', 'new_payload') || ');';
  before_hash text := CASE WHEN salt THEN format(', public.audit_chain_salted(%L::text, event.pk, old_payload)', kind)
                           ELSE E',\n           pg_catalog.sha256(pg_catalog.convert_to(old_payload, ''UTF8''))' END;
  odd_row    text := 'public.audit_chain_odd_row(%3$L::text, audit_chain_capture.relid, pg_catalog.concat(source.*))';
  rows_key   text := blind || E'CASE WHEN pg_catalog.strpos(event.payload, %5$L) > 0 THEN public.audit_chain_odd_key(%3$L::text, (' || odd_row || E').pk)\n'
                  || E'                        WHEN pg_catalog.octet_length(event.pk) <= 2000 THEN event.pk\n'
                  || E'                        ELSE public.audit_chain_odd_key(%3$L::text, event.pk) END' || blind_end;
  rows_payload text := E'CASE WHEN pg_catalog.strpos(event.payload, %5$L) > 0 THEN (' || odd_row || E').payload ELSE event.payload END';
  stage_rows text := insert_into || CASE WHEN salt
                  THEN E')\n    SELECT %1$L, %2$L, %3$L, captured.pk, public.audit_chain_salted(%3$L::text, captured.pk, captured.payload)\n'
                    || E'      FROM (SELECT ' || rows_key || E' AS pk,\n           ' || rows_payload || E' AS payload\n      FROM %4$s OFFSET 0) AS captured;\n'
                  ELSE E')\n    SELECT %1$L, %2$L, %3$L, ' || rows_key || E',\n'
                    || E'           pg_catalog.sha256(pg_catalog.convert_to(' || rows_payload || E', ''UTF8''))\n      FROM %4$s;\n' END;
  first_op   text := CASE changes WHEN 'track' THEN 'insert' ELSE 'event' END;
BEGIN
  body := body || format(E'BEGIN\n  IF pg_catalog.concat(pg_catalog.quote_ident(TG_TABLE_SCHEMA), ''.'', pg_catalog.quote_ident(TG_TABLE_NAME)) <> %L THEN\n'
    || E'    PERFORM public.audit_chain_check_relation(%L::text, relid);\n  END IF;\n', relation, kind);
  body := body || E'  IF TG_OP = ''INSERT'' THEN\n'
    || CASE WHEN mode = 'stream' THEN E'    NULL;\n'
            WHEN row_wise THEN read_new || format(stage_row, mode, first_op, kind, 'new', '', '')
            ELSE format(stage_rows, mode, first_op, kind, public.audit_chain_row_source('audit_chain_new'::text, key_columns, columns, members, absent), public.audit_chain_gone()) END;
  IF mode = 'stream' AND changes = 'track' THEN
    RETURN body || format(E'  ELSIF TG_OP = ''TRUNCATE'' THEN\n    %s\n  END IF;\n  RETURN NULL;\nEND\n', refuse);
  END IF;
  body := body || E'  ELSIF TG_OP = ''UPDATE'' THEN\n    IF NEW OPERATOR(pg_catalog.*=) OLD THEN\n      RETURN NULL;\n    END IF;\n' || read_old || read_new;
  IF changes = 'refuse' THEN
    body := body || format(E'    IF new_payload <> old_payload THEN\n      ' || put_back || E'\n    END IF;\n    RETURN NULL;\n  ELSIF TG_OP = ''DELETE'' THEN\n', relation, kind)
      || read_old || format(E'    ' || let_go || E'\n    RETURN NULL;\n', relation, kind);
  ELSE
    body := body || E'    IF new_payload = old_payload THEN\n      RETURN NULL;\n    ELSIF new_key IS NOT DISTINCT FROM old_key THEN\n'
      || format(stage_row, mode, 'update', kind, 'new', before_hash, ', before_hash') || E'    ELSE\n'
      || format(stage_row, mode, 'delete', kind, 'old', before_hash, ', before_hash')
      || format(stage_row, mode, 'insert', kind, 'new', '', '')
      || E'    END IF;\n  ELSIF TG_OP = ''DELETE'' THEN\n' || read_old
      || format(stage_row, mode, 'delete', kind, 'old', before_hash, ', before_hash');
  END IF;
  body := body || format(E'  ELSE\n    %s\n  END IF;\n', refuse);
  IF mode = 'strict' THEN
    body := body || E'  IF FOUND THEN\n    INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;\n  END IF;\n';
  END IF;
  RETURN body || E'  RETURN NULL;\nEND\n';
END
$function$;
--> statement-breakpoint
-- Creates or replaces a table's capture function. Nobody may call it or put it on a trigger, but for partitions
-- (audit_chain_capture_open).
CREATE OR REPLACE FUNCTION public.audit_chain_capture_function(
  kind text, relation text, key_columns text[], columns text[], members text[], absent jsonb, changes text, mode text, row_wise boolean, blind_key boolean, salt boolean) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  name text := public.audit_chain_capture_name(kind);
BEGIN
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION public.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER'
    ' SET search_path = pg_catalog, pg_temp SET "TimeZone" = ''UTC'' SET "DateStyle" = ''ISO'' SET "IntervalStyle" = ''postgres'''
    ' SET bytea_output = ''hex'' SET extra_float_digits = ''1'' SET lc_monetary = ''C'' SET quote_all_identifiers = ''off'' AS %L',
    name, public.audit_chain_capture_source(kind, relation, key_columns, columns, members, absent, changes, mode, row_wise, blind_key, salt));
  EXECUTE format('REVOKE ALL ON FUNCTION public.%I() FROM PUBLIC', name);
  EXECUTE format('COMMENT ON FUNCTION public.%I() IS %L', name, concat('audit chain: capture of ', relation, ' under the kind ', kind));
  RETURN name;
END
$function$;
--> statement-breakpoint
-- What a column's text depends on beside its value: the type and its parts. Those are the labels of an enum, the
-- attributes of a composite, and what domains, ranges and multiranges are made of. Recorded at attach, so that a later
-- change shows.
--
-- The verifier works the same text out from the catalog's rows (type-description.ts). So nothing in it may depend on
-- the server's version or on a function that somebody wrote. format_type calls the type's modifier output, and
-- therefore names only PostgreSQL's own types (oids below 10000). All others are named by schema and name in quotes,
-- and their modifier as its number.
CREATE OR REPLACE FUNCTION public.audit_chain_type_description(type oid, modifier integer) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  t        pg_type;
  brackets text;
  name     text;
  inner_   text;
BEGIN
  SELECT * INTO t FROM pg_type AS p WHERE p.oid = type;
  IF EXISTS (SELECT FROM pg_type AS e WHERE e.oid = t.typelem AND e.typarray = type) THEN
    SELECT * INTO t FROM pg_type AS e WHERE e.oid = t.typelem;
    brackets := '[]';
  END IF;
  IF t.oid IS NULL OR t.oid < 10000 THEN
    name := format_type(coalesce(t.oid, type), modifier);
  ELSE
    SELECT concat(public.audit_chain_quoted(n.nspname::text), '.', public.audit_chain_quoted(t.typname::text), CASE WHEN modifier >= 0 THEN concat(' modifier ', modifier) END)
      INTO name FROM pg_namespace AS n WHERE n.oid = t.typnamespace;
  END IF;
  IF t.typtype = 'e' THEN
    SELECT concat('{', string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder), '}') INTO inner_ FROM pg_enum AS e WHERE e.enumtypid = t.oid;
  ELSIF t.typtype = 'd' THEN
    inner_ := concat('=', public.audit_chain_type_description(t.typbasetype, t.typtypmod));
  ELSIF t.typtype = 'c' THEN
    SELECT concat('(', string_agg(concat(public.audit_chain_quoted(a.attname::text), ' ', public.audit_chain_type_description(a.atttypid, a.atttypmod)), ',' ORDER BY a.attnum), ')')
      INTO inner_ FROM pg_attribute AS a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped;
  ELSIF t.typtype IN ('r', 'm') THEN
    SELECT concat('=', public.audit_chain_type_description(CASE t.typtype WHEN 'r' THEN r.rngsubtype ELSE r.rngtypid END, -1))
      INTO inner_ FROM pg_range AS r WHERE t.oid IN (r.rngtypid, r.rngmultitypid);
  END IF;
  RETURN concat(name, brackets, inner_);
END
$function$;
--> statement-breakpoint
-- Whether a recorded column's type is another now.
CREATE OR REPLACE FUNCTION public.audit_chain_types_changed(relation regclass, columns text[], column_types text[]) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT EXISTS (
    SELECT FROM unnest(columns, column_types) AS c(name, type)
      JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = c.name AND NOT a.attisdropped
     WHERE public.audit_chain_type_description(a.atttypid, a.atttypmod) <> c.type)
$function$;
--> statement-breakpoint
-- Whether the chain or pending holds events of this kind.
CREATE OR REPLACE FUNCTION public.audit_chain_kind_in_use(kind text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = kind)
      OR EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = kind)
$function$;
--> statement-breakpoint
-- Whether a configuration row is one that this system can have written: the same as the verifier's decodeConfig. What
-- the verifier cannot read must not be believed here either.
CREATE OR REPLACE FUNCTION public.audit_chain_is_sound(config public.audit_chain_config) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(
    config.id >= 1 AND isfinite(config.recorded_at) AND config.actor IS NOT NULL
    AND config.action IN ('attach', 'detach', 'complete', 'readmit', 'repair') AND config.changes IN ('refuse', 'track')
    AND config.mode IN ('strict', 'sealed', 'stream') AND config.complete IS NOT NULL AND config.record_anew IS NOT NULL
    AND (config.retention IS NULL OR config.retention ~ '^P(?=.*[1-9])([0-9]+W)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$')
    AND octet_length(convert_to(config.kind, 'UTF8')) BETWEEN 1 AND 200
    AND config.relation ~ '^("([^"]|"")+"|[^".]+)\.("([^"]|"")+"|[^".]+)$'
    AND NOT EXISTS (
      SELECT FROM (VALUES (config.key_columns), (config.columns), (config.members), (config.column_types), (config.excluded), (config.present)) AS a(list)
       WHERE a.list IS NULL OR array_ndims(a.list) > 1 OR array_lower(a.list, 1) <> 1
          OR EXISTS (SELECT FROM unnest(a.list) AS e(item) WHERE e.item IS NULL))
    AND cardinality(config.key_columns) > 0 AND cardinality(config.columns) = cardinality(config.column_types) AND cardinality(config.columns) = cardinality(config.members)
    AND (SELECT count(DISTINCT m.name) FROM unnest(config.members) AS m(name)) = cardinality(config.members)
    AND CASE jsonb_typeof(config.renamed)
          WHEN 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(config.renamed) AS r WHERE jsonb_typeof(r.value) <> 'string')
          ELSE false END
    AND CASE jsonb_typeof(config.repaired)
          WHEN 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(config.repaired) AS r WHERE jsonb_typeof(r.value) <> 'string')
          ELSE false END
    AND CASE jsonb_typeof(config.absent)
          WHEN 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(config.absent) AS r WHERE jsonb_typeof(r.value) <> 'string' OR r.key <> ALL (config.members))
          ELSE false END, false)
$function$;
--> statement-breakpoint
-- The configuration of a kind that is in force: the newest, or NULL. One that the verifier would not believe, because it
-- is not chained or is none that this system writes, is an error.
CREATE OR REPLACE FUNCTION public.audit_chain_in_force(kind text) RETURNS public.audit_chain_config
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config;
BEGIN
  SELECT c.* INTO config FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_in_force.kind ORDER BY c.id DESC LIMIT 1;
  IF FOUND AND NOT (public.audit_chain_is_sound(config)
       AND EXISTS (SELECT FROM public.audit_chain AS l WHERE l.event_kind = 'audit_chain_config' AND l.event_pk = config.id::text)) THEN
    RAISE EXCEPTION 'the configuration row % of the kind % was not written by the audit chain', coalesce(config.id::text, 'without an id'), quote_literal(kind)
      USING ERRCODE = 'AC002', HINT = 'Somebody wrote it past attach. Find out with audit-verify what was changed.';
  END IF;
  RETURN config;
END
$function$;
--> statement-breakpoint
-- Who may speak for a kind: only the owner of the table that it belongs to, or that it shall belong to. Where the work
-- is done with our owner's rights, the session's login is checked: anything that the caller hands over can be made up.
-- It is checked again under the chain's lock, because another transaction can take the kind meanwhile.
CREATE OR REPLACE FUNCTION public.audit_chain_check_claim(relation regclass, kind text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  owner oid;
  live  public.audit_chain_relation;
BEGIN
  SELECT c.relowner INTO owner FROM pg_class AS c WHERE c.oid = relation;
  IF owner IS NULL OR NOT pg_has_role(session_user, owner, 'MEMBER') THEN
    RAISE EXCEPTION 'must be owner of %', relation USING ERRCODE = 'insufficient_privilege', HINT = 'Only a table''s owner decides about its auditing.';
  END IF;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.relid = relation;
  IF live.kind IS NOT NULL THEN
    IF live.kind <> kind THEN
      RAISE EXCEPTION '% is attached under the kind %, which cannot change', relation, quote_literal(live.kind)
        USING ERRCODE = 'AC003', HINT = format('Leave out --kind, or say --kind %s.', live.kind);
    END IF;
    RETURN;
  END IF;
  IF kind IS NULL OR kind = '' OR octet_length(convert_to(kind, 'UTF8')) > 200 THEN
    RAISE EXCEPTION 'the kind must have 1 to 200 bytes' USING ERRCODE = 'AC005', HINT = 'Give a short one with --kind.';
  ELSIF position(':' IN kind) > 0 THEN
    RAISE EXCEPTION 'the kind % has a colon, which stands before the role of an event', quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = format('Give another one: audit-chain attach %s --kind NAME', relation);
  ELSIF starts_with(kind, 'audit_chain') THEN
    RAISE EXCEPTION 'the kind % is reserved', quote_literal(kind) USING ERRCODE = 'AC003', HINT = 'Give another one with --kind.';
  END IF;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_check_claim.kind;
  IF live.kind IS NOT NULL AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = live.relid)
     AND NOT EXISTS (SELECT FROM pg_partition_tree(relation) AS t WHERE t.relid = live.relid) THEN
    RAISE EXCEPTION 'the kind % belongs to %', quote_literal(kind), live.relid
      USING ERRCODE = 'AC003', HINT = format('Give another one: audit-chain attach %s --kind NAME; for one table in each of several schemas --kind ''{schema}.{table}'' does.', relation);
  ELSIF live.kind IS NULL AND public.audit_chain_kind_in_use(kind) THEN
    RAISE EXCEPTION 'there are events of the kind % already that do not come from a table', quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = format('Give another one: audit-chain attach %s --kind NAME', relation);
  END IF;
END
$function$;
--> statement-breakpoint
-- A table that was audited by itself has become a partition of `relation`: its kind goes on as that of the whole, with the
-- columns of the same names. attach records it, and takes the partition's own triggers away.
CREATE OR REPLACE FUNCTION public.audit_chain_take_over(relation regclass, kind text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_check_claim(relation, kind);
  UPDATE public.audit_chain_relation AS r
     SET relid = relation, numbered_for = relation::oid,
         column_numbers = (SELECT coalesce(jsonb_object_agg(e.key, b.attnum), '{}')
           FROM jsonb_each_text(public.audit_chain_numbers(r)) AS e
           JOIN pg_attribute AS a ON a.attrelid = r.relid AND a.attnum = e.value::smallint AND NOT a.attisdropped
           JOIN pg_attribute AS b ON b.attrelid = relation AND b.attname = a.attname AND b.attnum > 0 AND NOT b.attisdropped)::text
   WHERE r.kind = audit_chain_take_over.kind AND r.relid IN (SELECT t.relid FROM pg_partition_tree(relation) AS t WHERE t.relid <> relation);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no partition of % is attached under the kind %', relation, quote_literal(kind)
      USING ERRCODE = 'AC003', HINT = format('Leave out --kind: %s goes on under the kind of its partition.', relation);
  END IF;
END
$function$;
--> statement-breakpoint
-- The part of attach that makes a table's capture function, with our owner's rights. `caller`, unless it is NULL, may
-- put the function on a trigger until audit_chain_capture_close.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_open(
  relation regclass, kind text, key_columns text[], columns text[], members text[], absent jsonb, changes text, mode text, row_wise boolean, blind_key boolean, salt boolean, caller text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  qualified     text;
  function_name text;
  is_partitioned boolean;
BEGIN
  PERFORM public.audit_chain_check_claim(relation, kind);
  UPDATE public.audit_chain_relation AS r SET column_numbers = public.audit_chain_numbers(r)::text, numbered_for = relation::oid
   WHERE r.relid = relation AND r.numbered_for <> relation::oid;
  SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)), c.relkind = 'p' INTO qualified, is_partitioned
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation;
  function_name := public.audit_chain_capture_function(kind, qualified, key_columns, columns, members, absent, changes, mode, row_wise, blind_key, salt);
  -- A new partition gets the triggers of its root, and PostgreSQL asks for this right of whoever creates it.
  IF is_partitioned THEN
    EXECUTE format('GRANT EXECUTE ON FUNCTION public.%I() TO scidex_audit_deployer', function_name);
  END IF;
  IF caller IS NOT NULL THEN
    IF NOT pg_has_role(session_user, caller::name, 'MEMBER') THEN
      RAISE EXCEPTION '% is not the caller', quote_literal(caller) USING ERRCODE = 'insufficient_privilege', HINT = 'Call audit_chain_attach.';
    END IF;
    EXECUTE format('GRANT EXECUTE ON FUNCTION public.%I() TO %I', function_name, caller);
  END IF;
  RETURN function_name;
END
$function$;
--> statement-breakpoint
-- Takes back the right to put a capture function on a trigger, which attach needed for a moment.
CREATE OR REPLACE FUNCTION public.audit_chain_capture_close(function_name text, caller text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT starts_with(function_name, 'audit_chain_capture_') THEN
    RAISE EXCEPTION '% is not a capture function', function_name USING ERRCODE = 'AC002', HINT = 'Call audit_chain_attach.';
  END IF;
  EXECUTE format('REVOKE ALL ON FUNCTION public.%I() FROM %I', function_name, caller);
END
$function$;
--> statement-breakpoint
-- The columns of a relation that capture covers, in the order of the payload's members: all but the excluded and the
-- generated ones. A virtual generated column is NULL inside triggers, and a stored one can be recomputed by DDL.
CREATE OR REPLACE FUNCTION public.audit_chain_covered_columns(relation regclass, excluded text[]) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(array_agg(a.attname::text ORDER BY public.audit_chain_utf16_order(a.attname::text) COLLATE "C"), '{}')
    FROM pg_attribute AS a
   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname::text <> ALL (excluded)
$function$;
--> statement-breakpoint
-- What cannot be audited, and why. In a database of SQL_ASCII texts are bytes of no encoding: whoever writes a byte above
-- 127 would get an error from capture. Rows of a Citus table lie in shards, where our triggers are not.
CREATE OR REPLACE FUNCTION public.audit_chain_check_attachable(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  c pg_class;
  is_sharded boolean := false;
BEGIN
  IF getdatabaseencoding() = 'SQL_ASCII' THEN
    RAISE EXCEPTION 'the database has the encoding SQL_ASCII, in which texts cannot be recorded'
      USING ERRCODE = 'feature_not_supported', HINT = 'Dump it, and restore it into a database with the encoding UTF8.';
  END IF;
  IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition AS d WHERE d.logicalrelid = $1)' INTO is_sharded USING relation;
  END IF;
  SELECT * INTO c FROM pg_class AS p WHERE p.oid = relation;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no relation with the number %', relation::oid USING ERRCODE = 'undefined_table';
  ELSIF c.relkind NOT IN ('r', 'p') THEN
    RAISE EXCEPTION '% is %, only tables can be audited', relation,
      CASE c.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'S' THEN 'a sequence' WHEN 'i' THEN 'an index' ELSE 'not a table' END
      USING ERRCODE = 'wrong_object_type', HINT = 'Attach the table that holds the rows.';
  ELSIF is_sharded THEN
    RAISE EXCEPTION '% is distributed by Citus: its rows lie in shards, where they are not captured', relation
      USING ERRCODE = 'wrong_object_type', HINT = 'Audit the shards'' servers instead, or keep audited rows in a local table.';
  ELSIF c.relpersistence = 'u' THEN
    RAISE EXCEPTION '% is UNLOGGED: its rows are gone after a crash, which would look like tampering', relation
      USING ERRCODE = 'wrong_object_type', HINT = format('Run first: ALTER TABLE %s SET LOGGED', relation);
  ELSIF c.relkind = 'p' AND EXISTS (SELECT FROM pg_partition_tree(relation) AS t JOIN pg_class AS p ON p.oid = t.relid WHERE p.relpersistence = 'u') THEN
    RAISE EXCEPTION '% has an UNLOGGED partition: its rows are gone after a crash, which would look like tampering', relation
      USING ERRCODE = 'wrong_object_type', HINT = 'Run ALTER TABLE ... SET LOGGED for each such partition first.';
  ELSIF c.relpersistence = 't' THEN
    RAISE EXCEPTION '% is a temporary table', relation USING ERRCODE = 'wrong_object_type', HINT = 'Attach a permanent table.';
  ELSIF c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) THEN
    RAISE EXCEPTION '% belongs to the system', relation USING ERRCODE = 'wrong_object_type', HINT = 'Attach a table of your own.';
  ELSIF starts_with(c.relname, 'audit_chain') AND c.relnamespace = 'public'::regnamespace THEN
    RAISE EXCEPTION '% belongs to the audit chain itself', relation USING ERRCODE = 'wrong_object_type', HINT = 'Attach a table of your own.';
  ELSIF c.relispartition THEN
    RAISE EXCEPTION '% is a partition of %', relation, pg_partition_root(relation)
      USING ERRCODE = 'wrong_object_type', HINT = format('Attach the whole table: audit-chain attach %s', pg_partition_root(relation));
  END IF;
END
$function$;
--> statement-breakpoint
-- The key that identifies a relation's rows: the columns asked for, else the primary key. They must be NOT NULL and
-- unique by an index that holds for every row at every moment.
CREATE OR REPLACE FUNCTION public.audit_chain_key_columns(relation regclass, asked text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  names text[] := asked;
  name  text;
BEGIN
  IF names IS NULL THEN
    SELECT array_agg(a.attname::text ORDER BY k.n) INTO names
      FROM pg_index AS i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(number, n)
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number
     WHERE i.indrelid = relation AND i.indisprimary AND k.n <= i.indnkeyatts;
    IF names IS NULL THEN
      RAISE EXCEPTION '% has no primary key, so its rows cannot be named', relation
        USING ERRCODE = 'AC005', HINT = 'Add a primary key, or name columns that are unique and NOT NULL with --key.';
    END IF;
  END IF;
  IF cardinality(names) = 0 THEN
    RAISE EXCEPTION 'the key of % names no column', relation USING ERRCODE = 'AC005', HINT = 'Name columns that are unique and NOT NULL.';
  END IF;
  FOREACH name IN ARRAY names LOOP
    PERFORM FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = name AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
      RAISE EXCEPTION '% has no column %', relation, quote_literal(name) USING ERRCODE = 'undefined_column', HINT = 'Names are case-sensitive here; write them without quotes.';
    END IF;
    PERFORM FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = name AND a.attnotnull AND a.attgenerated = '';
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the key column % of % may be NULL or is generated', quote_literal(name), relation
        USING ERRCODE = 'AC005', HINT = format('Run first: ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', relation, name);
    END IF;
  END LOOP;
  PERFORM FROM pg_index AS i
    WHERE i.indrelid = relation AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM unnest((i.indkey::smallint[])[0:i.indnkeyatts - 1]) AS k(number)
             JOIN pg_attribute AS a ON a.attrelid = relation AND a.attnum = k.number)
        = (SELECT array_agg(n ORDER BY n) FROM unnest(names) AS n);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no unique index of % has exactly the columns %', relation, array_to_string(names, ', ')
      USING ERRCODE = 'AC005', HINT = 'Name the columns of a unique constraint that is neither partial nor deferrable.';
  END IF;
  RETURN names;
END
$function$;
--> statement-breakpoint
-- The key of a relation's rows: the columns given, as long as they are one, else its primary key; NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_key_now(relation regclass, key text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN public.audit_chain_key_columns(relation, key);
EXCEPTION WHEN SQLSTATE 'AC005' THEN
  RETURN CASE WHEN key IS NOT NULL THEN public.audit_chain_key_now(relation, NULL) END;
END
$function$;
--> statement-breakpoint
-- What is there when a table is attached, and would be an attack if it came later. That is rules of the table and of
-- its partitions, their row security, inheritance children, and roles with a right on the table that find another relation by its bare
-- name. Recorded with the configuration; the verifier (coverage/present.ts) reads the same of the live catalog and
-- reports what has not been recorded. One entry for each:
--   rule RELATION NAME ENABLED MAJOR SHA256   of the rule's row, which major versions write differently
--   child RELATION
--   security RELATION
--   path ROLE: SCHEMA
CREATE OR REPLACE FUNCTION public.audit_chain_present(relation regclass) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH target AS (
    SELECT c.oid, c.relname, n.nspname, c.relkind
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation
  ), parts AS (
    SELECT relation::oid AS oid UNION SELECT t.relid FROM pg_partition_tree(relation) AS t
  ), twins AS (
    SELECT n.oid, n.nspname
      FROM target AS t JOIN pg_class AS c ON c.relname = t.relname AND c.oid <> t.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname::text !~ '^pg_(temp|toast)'
  ), paths AS (
    -- As the server looks for it: for the role here, for the role, for this database, for all, and what is left.
    SELECT r.oid, r.rolname,
           coalesce((SELECT substr(e.entry, 13) FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS e(entry)
                      WHERE s.setrole IN (r.oid, 0) AND s.setdatabase IN (0, d.oid) AND starts_with(lower(e.entry), 'search_path=')
                      ORDER BY s.setrole = 0, s.setdatabase = 0 LIMIT 1),
                    CASE WHEN NOT EXISTS (SELECT FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS e(entry)
                                           WHERE s.setrole = (SELECT u.oid FROM pg_roles AS u WHERE u.rolname = session_user)
                                             AND s.setdatabase IN (0, d.oid) AND starts_with(lower(e.entry), 'search_path='))
                         THEN (SELECT s.reset_val FROM pg_settings AS s WHERE s.name = 'search_path') END,
                    '"$user", public') AS path
      FROM pg_roles AS r CROSS JOIN pg_database AS d
     WHERE d.datname = current_database() AND EXISTS (SELECT FROM twins)
       AND (has_table_privilege(r.oid, relation::oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
            OR has_any_column_privilege(r.oid, relation::oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
  ), searched AS (
    SELECT p.oid, p.rolname, p.path, f.n, coalesce(f.schema, '') AS schema
      FROM paths AS p CROSS JOIN LATERAL (
        SELECT m.n, CASE WHEN m.found[1] IS NOT NULL THEN replace(m.found[1], '""', '"') ELSE lower(btrim(m.found[2])) END AS name
          FROM regexp_matches(p.path, '\s*(?:"((?:[^"]|"")*)"|([^",]+))\s*(?:,|$)', 'g') WITH ORDINALITY AS m(found, n)) AS i
      CROSS JOIN LATERAL (SELECT i.n, CASE i.name WHEN '$user' THEN p.rolname::text ELSE i.name END AS schema) AS f
  ), found AS (
    SELECT DISTINCT ON (s.oid) s.rolname, s.path, s.schema, t.nspname AS own
      FROM searched AS s CROSS JOIN target AS t JOIN pg_namespace AS n ON n.nspname::text = s.schema
     WHERE has_schema_privilege(s.oid, n.oid, 'USAGE')
       AND (s.schema = t.nspname::text OR EXISTS (SELECT FROM twins AS w WHERE w.oid = n.oid))
     ORDER BY s.oid, s.n
  )
  SELECT coalesce(array_agg(e.entry ORDER BY e.entry COLLATE "C"), '{}') FROM (
    SELECT concat('rule ', quote_ident(n.nspname), '.', quote_ident(c.relname), ' ', quote_ident(r.rulename), ' ', r.ev_enabled, ' ',
                  current_setting('server_version_num')::integer / 10000, ' ', encode(sha256(convert_to(regexp_replace(regexp_replace(
                    concat(r.ev_type, r.is_instead, r.ev_qual, r.ev_action),
                    ' :[a-z_.]*(?:location|stmt_len|list_start|list_end) -?[0-9]+', '', 'g'), '[0-9]{5,}', '#', 'g'), 'UTF8')), 'hex')) AS entry
      FROM parts AS p JOIN pg_rewrite AS r ON r.ev_class = p.oid
      JOIN pg_class AS c ON c.oid = p.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    UNION ALL
    SELECT concat('security ', quote_ident(n.nspname), '.', quote_ident(c.relname))
      FROM parts AS p JOIN pg_class AS c ON c.oid = p.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.relrowsecurity OR c.relforcerowsecurity
    UNION ALL
    SELECT concat('child ', quote_ident(n.nspname), '.', quote_ident(c.relname))
      FROM target AS t JOIN (
        WITH RECURSIVE tree(oid) AS (
          SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent = relation
          UNION SELECT i.inhrelid FROM tree JOIN pg_inherits AS i ON i.inhparent = tree.oid)
        SELECT tree.oid FROM tree) AS i ON t.relkind = 'r'
      JOIN pg_class AS c ON c.oid = i.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
    UNION ALL
    SELECT concat('path ', f.rolname, ': ', f.schema)
      FROM found AS f
     WHERE f.schema <> f.own::text
       AND (f.path <> '"$user", public' OR EXISTS (SELECT FROM searched AS s WHERE s.rolname = f.rolname AND s.schema = f.own::text))
  ) AS e
$function$;
--> statement-breakpoint
-- What the owner of a table should know before it is audited: types whose text depends on more than the value, foreign
-- keys that cascade into it, and changes that it has already had where they are to be refused.
CREATE OR REPLACE FUNCTION public.audit_chain_attach_warnings(relation regclass, columns text[], changes text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(jsonb_agg(w.message ORDER BY w.message), '[]') FROM (
    SELECT format('column %I is of type %s, whose text depends on more than its value: exclude it, or store text', a.attname, format_type(a.atttypid, NULL)) AS message
      FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = relation AND a.attname::text = ANY (columns) AND NOT a.attisdropped
       AND (t.oid = 'money'::regtype OR t.typname ~ '^reg' AND t.typnamespace = 'pg_catalog'::regnamespace)
    UNION ALL
    SELECT format('foreign key %I changes rows when the referenced row of %s is deleted or updated: such a cascade is refused or tracked too', f.conname, f.confrelid::regclass)
      FROM pg_constraint AS f
     WHERE f.conrelid = relation AND f.contype = 'f' AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))
    UNION ALL
    SELECT CASE split_part(e.entry, ' ', 1)
             WHEN 'rule' THEN format('%s: it can turn a statement into another one; it is recorded as it is, and audit-verify reports it when it changes', regexp_replace(e.entry, ' [ODRA] \d+ [0-9a-f]{64}$', ''))
             WHEN 'child' THEN format('%s inherits from it: queries see the rows of such a child, capture does not; attach it on its own', substr(e.entry, 7))
             WHEN 'security' THEN format('row security hides rows of %s: the logins of publisher and verifier need BYPASSRLS', substr(e.entry, 10))
             ELSE format('the role %s finds the table of the same name in another schema (%s) when the schema is left out', regexp_replace(substr(e.entry, 6), ': [^:]*$', ''), regexp_replace(e.entry, '^.*: ', '')) END
      FROM unnest(public.audit_chain_present(relation)) AS e(entry)
    UNION ALL
    SELECT format('it belongs to the extension %I: pg_dump leaves its triggers out, so run audit-chain attach again after a restore', x.extname)
      FROM pg_depend AS d JOIN pg_extension AS x ON x.oid = d.refobjid
     WHERE d.classid = 'pg_class'::regclass AND d.objid = relation AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    UNION ALL
    -- A partitioned table has no statistics of its own.
    SELECT format('%s rows have been updated and %s deleted since the statistics were reset: with --changes refuse that will fail', sum(s.n_tup_upd), sum(s.n_tup_del))
      FROM pg_stat_all_tables AS s
     WHERE coalesce(changes, CASE WHEN EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = relation AND g.tgname = '0_audit_chain_track') THEN 'track' END, 'refuse') = 'refuse'
       AND (s.relid = relation OR s.relid IN (SELECT t.relid FROM pg_partition_tree(relation) AS t))
    HAVING sum(s.n_tup_upd) + sum(s.n_tup_del) > 0
  ) AS w
$function$;
--> statement-breakpoint
-- Whether a row that can be seen was written by the transaction that asks, a subtransaction of it included. Of what can be
-- seen nothing else is in progress.
--
-- `xmin` has the low half of a transaction's number, also of rows that were frozen long ago. Subtransactions have numbers
-- a little above their transaction's; one that lies there by chance may be none that has been yet.
CREATE OR REPLACE FUNCTION public.audit_chain_is_own(writer xid) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  own   CONSTANT bigint := pg_current_xact_id()::text::bigint;
  above CONSTANT bigint := (writer::text::bigint - own % 4294967296 + 4294967296) % 4294967296;
BEGIN
  IF above = 0 OR above > 1048576 THEN
    RETURN above = 0;
  END IF;
  RETURN coalesce(pg_xact_status((own + above)::text::xid8) = 'in progress', false);
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END
$function$;
--> statement-breakpoint
-- What older rows have in columns that join an audited table: `absent`, by column, the one text that is left out of
-- payloads like NULL (the value that ADD COLUMN gave to the rows that were there; no entry where that is NULL); and
-- whether there may be rows that have another value, and so have to be recorded anew.
--
-- A small table is read. A large one would keep writers waiting: there can be none where the columns have been added by
-- this very transaction, and nothing else has been done to the rows; else there may be.
CREATE OR REPLACE FUNCTION public.audit_chain_joins(relation regclass, names text[], OUT absent jsonb, OUT record_anew boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
AS $function$
DECLARE
  -- Read in some 50 ms.
  small_size CONSTANT bigint := 8388608;
  leaves       regclass[];
  leaf         regclass;
  name         text;
  value        text;
  writer       xid;
  is_untouched boolean;
  is_small     boolean;
  is_clean     boolean;
  is_other     boolean;
  is_known     boolean;
BEGIN
  absent := '{}';
  record_anew := false;
  IF cardinality(names) = 0 THEN
    RETURN;
  END IF;
  SELECT array_agg(c.oid::regclass) INTO leaves
    FROM pg_class AS c WHERE c.relkind = 'r' AND c.oid IN (SELECT relation UNION SELECT t.relid FROM pg_partition_tree(relation) AS t);
  SELECT current_setting('track_counts')::boolean AND coalesce(sum(pg_stat_get_xact_tuples_inserted(l) + pg_stat_get_xact_tuples_updated(l) + pg_stat_get_xact_tuples_deleted(l)), 0) = 0,
         coalesce(sum(pg_relation_size(l)), 0) <= small_size
    INTO is_untouched, is_small FROM unnest(leaves) AS l;
  FOREACH leaf IN ARRAY coalesce(leaves, '{}') LOOP
    EXIT WHEN NOT is_untouched;
    -- ALTER TABLE that writes a table anew writes all of its rows.
    EXECUTE format('SELECT xmin FROM ONLY %s LIMIT 1', leaf) INTO writer;
    is_untouched := writer IS NULL OR NOT public.audit_chain_is_own(writer);
  END LOOP;
  -- A column's row in the catalog is ours too when it was only altered here. ADD COLUMN writes the relation's row as well,
  -- and leaves the column as it is made: without NOT NULL where it has no default, without rights and settings.
  is_untouched := is_untouched AND (SELECT bool_and(public.audit_chain_is_own(c.xmin)) FROM pg_class AS c WHERE c.oid = ANY (leaves || relation));
  FOREACH name IN ARRAY names LOOP
    -- attmissingval is an array of one element, of the column's type. Without commas between, its text is not taken apart.
    SELECT min(CASE WHEN t.typdelim = ',' THEN (a.attmissingval::text::text[])[1] END),
           is_untouched AND coalesce(bool_and(public.audit_chain_is_own(a.xmin)
             AND (NOT a.attnotnull OR a.atthasmissing) AND coalesce(a.attstattarget, -1) = -1 AND a.attacl IS NULL AND a.attoptions IS NULL
             AND (a.atthasmissing AND t.typdelim = ',' OR NOT a.atthasmissing AND NOT a.atthasdef AND a.attidentity = '' AND t.typdefault IS NULL)
             AND (a.attmissingval::text) IS NOT DISTINCT FROM (b.attmissingval::text)), true)
      INTO value, is_clean
      FROM unnest(leaves) AS l JOIN pg_attribute AS a ON a.attrelid = l AND a.attname::text = name AND NOT a.attisdropped
      JOIN pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_attribute AS b ON b.attrelid = leaves[1] AND b.attname::text = name;
    is_known := value IS NOT NULL;
    IF value IS NULL AND is_small AND NOT is_clean AND leaves IS NOT NULL THEN
      -- A table that was written anew does not know its default any more. If all rows have one value, it is that.
      EXECUTE format('SELECT CASE WHEN %2$I IS DISTINCT FROM NULL THEN concat(%2$I) END FROM %3$s %1$s LIMIT 1', relation, name, CASE WHEN relation = ANY (leaves) THEN 'ONLY' END) INTO value;
    END IF;
    is_other := NOT is_clean AND NOT is_small;
    FOREACH leaf IN ARRAY coalesce(leaves, '{}') LOOP
      EXIT WHEN is_other OR NOT is_small;
      EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s WHERE CASE WHEN %2$I IS DISTINCT FROM NULL THEN concat(%2$I) END COLLATE "C" IS DISTINCT FROM $1)', leaf, name)
         INTO is_other USING value;
    END LOOP;
    record_anew := record_anew OR is_other;
    IF value IS NOT NULL AND NOT (is_other AND NOT is_known) THEN
      absent := absent || jsonb_build_object(name, value);
    END IF;
  END LOOP;
END
$function$;
--> statement-breakpoint
-- How payloads of a relation's rows are made from now on. A column keeps the member's name under which it joined, also
-- when it is renamed; one that joins gets its own name, or that with a number where a column has had it before. So that
-- rows have the same payload before and after.
CREATE OR REPLACE FUNCTION public.audit_chain_shape(relation regclass, kind text, excluded text[],
  OUT columns text[], OUT members text[], OUT absent jsonb, OUT record_anew boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  before public.audit_chain_config;
  live   public.audit_chain_relation;
  used   text[];
  joined jsonb := '{}';
  item   record;
  member text;
  suffix integer;
BEGIN
  SELECT c.* INTO before FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_shape.kind ORDER BY c.id DESC LIMIT 1;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_shape.kind AND r.relid = relation;
  SELECT coalesce(array_agg(DISTINCT m.name), '{}') INTO used
    FROM public.audit_chain_config AS c CROSS JOIN LATERAL unnest(c.members) AS m(name) WHERE c.kind = audit_chain_shape.kind;
  columns := '{}';
  members := '{}';
  FOR item IN
    SELECT c.name, CASE WHEN live.kind IS NULL THEN c.name ELSE (SELECT n.key FROM jsonb_each_text(public.audit_chain_numbers(live)) AS n WHERE n.value::smallint = a.attnum) END AS was
      FROM unnest(public.audit_chain_covered_columns(relation, excluded)) AS c(name)
      JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = c.name AND NOT a.attisdropped
  LOOP
    member := before.members[array_position(before.columns, item.was)];
    IF member IS NULL THEN
      member := item.name;
      suffix := 2;
      WHILE member = ANY (used) LOOP
        member := concat(item.name, '#', suffix);
        suffix := suffix + 1;
      END LOOP;
      joined := joined || jsonb_build_object(item.name, member);
    END IF;
    columns := columns || item.name;
    members := members || member;
  END LOOP;
  SELECT array_agg(s.name ORDER BY s.place), array_agg(s.member ORDER BY s.place) INTO columns, members
    FROM (SELECT c.name, c.member, public.audit_chain_utf16_order(c.member) COLLATE "C" AS place FROM unnest(columns, members) AS c(name, member)) AS s;
  SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') INTO absent FROM jsonb_each(before.absent) AS e WHERE e.key = ANY (members);
  record_anew := false;
  IF live.kind IS NOT NULL AND before.id IS NOT NULL THEN
    SELECT audit_chain_shape.absent || coalesce((SELECT jsonb_object_agg(joined ->> e.key, e.value) FROM jsonb_each(j.absent) AS e), '{}'), j.record_anew
      INTO absent, record_anew
      FROM public.audit_chain_joins(relation, ARRAY(SELECT jsonb_object_keys(joined))) AS j;
  END IF;
END
$function$;
--> statement-breakpoint
-- Columns of a relation that have another name than when they were configured: old name to new name. A column is known
-- by its number.
CREATE OR REPLACE FUNCTION public.audit_chain_renames(live public.audit_chain_relation) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(jsonb_object_agg(e.key, a.attname::text), '{}')
    FROM jsonb_each_text(public.audit_chain_numbers(live)) AS e
    JOIN pg_attribute AS a ON a.attrelid = live.relid AND a.attnum = e.value::smallint AND NOT a.attisdropped AND a.attname::text <> e.key
$function$;
--> statement-breakpoint
-- The link since which rows of a kind may have other payloads or keys than were recorded before, 0 where they have always had
-- these: the verifier's newestShapeChange, and sometimes later. Rows that were recorded before are recorded anew.
CREATE OR REPLACE FUNCTION public.audit_chain_shaped_since(kind text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH shape AS (
    SELECT c.id, concat(to_json(c.key_columns), to_json(c.columns), to_json(c.members), c.absent, to_json(c.column_types)) AS said
      FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_shaped_since.kind
  ), pairs AS (
    SELECT s.id, s.said, lag(s.said) OVER (ORDER BY s.id) AS said_before FROM shape AS s
  )
  SELECT coalesce(max(l.seq), 0)
    FROM pairs AS p JOIN public.audit_chain AS l ON l.event_kind = 'audit_chain_config' AND l.event_pk = p.id::text
   WHERE p.said <> p.said_before
$function$;
--> statement-breakpoint
-- Waits until everything that has been written to the log by now is linked, for the tables in the mode `stream`. The
-- caller holds the lock of the table whose configuration is to change, and so keeps its writers out: no row falls between
-- two configurations.
CREATE OR REPLACE FUNCTION public.audit_chain_await_stream(kind text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
DECLARE
  until    CONSTANT timestamptz := clock_timestamp() + interval '1 millisecond'
    * (SELECT CASE s.setting WHEN '0' THEN 20000 ELSE s.setting::integer END FROM pg_settings AS s WHERE s.name = 'lock_timeout');
  written  CONSTANT pg_lsn := pg_current_wal_insert_lsn();
  position public.audit_chain_position;
BEGIN
  LOOP
    SELECT p.* INTO position FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
    -- Without its slot, nothing more will ever come: the gap is recorded by whoever begins anew.
    EXIT WHEN position.linked_to >= written OR NOT EXISTS (SELECT FROM pg_replication_slots AS s WHERE s.slot_name = position.slot::name);
    IF clock_timestamp() > until THEN
      RAISE EXCEPTION 'rows of % have not been linked yet: capture is % bytes behind', quote_literal(kind), written - position.linked_to
        USING ERRCODE = 'lock_not_available', HINT = 'Start audit-publisher capture, or wait until it has caught up (audit-chain status), and repeat this.';
    END IF;
    PERFORM pg_sleep(0.05);
  END LOOP;
END
$function$;
--> statement-breakpoint
-- Records a configuration and links it: the part of attach and detach that needs the owner's rights. What is pending is
-- linked first, so that it is checked against the configuration under which it was captured. The caller holds the
-- table's lock against writers.
CREATE OR REPLACE FUNCTION public.audit_chain_configure(
  relation regclass, action text, kind text, key_columns text[], columns text[], members text[], absent jsonb,
  excluded text[], changes text, mode text, fallback text, complete boolean, record_anew boolean, blind_key boolean, salt boolean, retention text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  qualified   text;
  config_id   bigint;
  numbers     jsonb;
BEGIN
  IF (SELECT c.mode FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_configure.kind ORDER BY c.id DESC LIMIT 1) = 'stream' THEN
    PERFORM public.audit_chain_await_stream(kind);
  END IF;
  PERFORM public.audit_chain_lock_chain();
  PERFORM public.audit_chain_check_claim(relation, kind);
  PERFORM public.audit_chain_link_all();
  SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)) INTO qualified
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation;
  SELECT coalesce(jsonb_object_agg(a.attname, a.attnum), '{}') INTO numbers
    FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = ANY (columns || excluded) AND a.attnum > 0 AND NOT a.attisdropped;
  SELECT coalesce(max(c.id), 0) + 1 INTO config_id FROM public.audit_chain_config AS c;
  INSERT INTO public.audit_chain_config
    (id, recorded_at, actor, action, kind, relation, key_columns, columns, members, absent, column_types, excluded, renamed, changes, mode, fallback, complete, record_anew, salt, blind_key, retention, present)
  VALUES (config_id, clock_timestamp(), session_user, action, kind, qualified, key_columns, columns, members, absent,
    coalesce((SELECT array_agg(public.audit_chain_type_description(a.atttypid, a.atttypmod) ORDER BY c.n)
       FROM unnest(columns) WITH ORDINALITY AS c(name, n)
       JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = c.name AND NOT a.attisdropped), '{}'),
    excluded,
    (SELECT coalesce(jsonb_object_agg(b.name, n.name), '{}')
       FROM (SELECT c.* FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_configure.kind ORDER BY c.id DESC LIMIT 1) AS before
      CROSS JOIN LATERAL unnest(before.columns, before.members) AS b(name, member)
       JOIN unnest(audit_chain_configure.columns, audit_chain_configure.members) AS n(name, member) ON n.member = b.member
      WHERE n.name <> b.name),
    changes, mode, fallback, complete, record_anew, salt, blind_key, retention,
    -- What is there is recorded by attach, which says it, and by nothing else.
    CASE action WHEN 'attach' THEN public.audit_chain_present(relation)
      ELSE coalesce((SELECT c.present FROM public.audit_chain_config AS c WHERE c.kind = audit_chain_configure.kind ORDER BY c.id DESC LIMIT 1), '{}') END);
  IF blind_key THEN
    -- 32 bytes, of four numbers with 122 random bits each.
    INSERT INTO public.audit_chain_secret (event_kind, secret)
    SELECT kind, sha256(string_agg(uuid_send(gen_random_uuid()), ''::bytea)) FROM generate_series(1, 4)
    ON CONFLICT DO NOTHING;
  END IF;
  INSERT INTO public.audit_chain_relation AS r (kind, relid, column_numbers, numbered_for) VALUES (kind, relation, numbers::text, relation::oid)
    ON CONFLICT ON CONSTRAINT audit_chain_relation_pkey DO UPDATE SET relid = excluded.relid, column_numbers = excluded.column_numbers, numbered_for = excluded.numbered_for;
  -- The configuration's own capture has staged the row: link it now, so that it stands before whatever it covers.
  PERFORM public.audit_chain_link(pg_current_xact_id(), 10000);
  RETURN config_id;
END
$function$;
--> statement-breakpoint
-- Lets verifier and publisher read an audited table, also one that was detached: its rows of before stay checked. Runs with
-- the rights of the caller, who must own it.
CREATE OR REPLACE FUNCTION public.audit_chain_grant_reading(relation regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
BEGIN
  EXECUTE format('GRANT SELECT ON %s TO scidex_audit_inspector, scidex_audit_publisher', relation);
  BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO scidex_audit_inspector, scidex_audit_publisher', (SELECT quote_ident(n.nspname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation));
  EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- Whoever owns the schema has to grant it; audit-chain status tells.
  END;
END
$function$;
--> statement-breakpoint
-- Puts the triggers of an audited table where they belong, enabled, and lets verifier and publisher read it. Runs with the
-- rights of the caller, who must own the table and may put this capture function on a trigger.
CREATE OR REPLACE FUNCTION public.audit_chain_put_triggers(relation regclass, changes text, mode text, row_wise boolean, function_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
DECLARE
  part regclass;
BEGIN
  -- Triggers are replaced, not dropped and made again: dropping one waits for readers too, and makes them wait.
  IF mode = 'stream' THEN
    EXECUTE format('DROP TRIGGER IF EXISTS "0_audit_chain_track" ON %s', relation);
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_capture ON %s', relation);
    IF changes = 'track' THEN
      EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard ON %s', relation);
    ELSE
      EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_guard AFTER UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
    END IF;
  ELSIF changes = 'track' THEN
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_capture ON %s', relation);
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard ON %s', relation);
    EXECUTE format('CREATE OR REPLACE TRIGGER "0_audit_chain_track" AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
  ELSE
    EXECUTE format('DROP TRIGGER IF EXISTS "0_audit_chain_track" ON %s', relation);
    IF row_wise THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_capture AFTER INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
    ELSE
      EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_capture AFTER INSERT ON %s REFERENCING NEW TABLE AS audit_chain_new FOR EACH STATEMENT EXECUTE FUNCTION public.%I()', relation, function_name);
    END IF;
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_guard AFTER UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.%I()', relation, function_name);
  END IF;
  -- Partitions do not inherit statement triggers: each one that is there gets the guard against TRUNCATE.
  FOR part IN SELECT relation UNION SELECT t.relid::regclass FROM pg_partition_tree(relation) AS t LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER audit_chain_guard_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION public.%I()', part, function_name);
  END LOOP;
  PERFORM public.audit_chain_grant_reading(relation);
END
$function$;
--> statement-breakpoint
-- The publication for the tables of a table's owner, made if it is not there: the first step of attaching one in the mode
-- `stream`, in a transaction of its own. The capture process has to follow a publication before anything is in it: a
-- transaction that began before there was one could not be decoded. Runs with the rights of the caller, who needs CREATE
-- on the database where he is no superuser.
CREATE OR REPLACE FUNCTION public.audit_chain_publication(relation regclass) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = error
AS $function$
DECLARE
  owner oid;
  name  text;
BEGIN
  SELECT c.relowner INTO owner FROM pg_class AS c WHERE c.oid = relation;
  SELECT p.pubname INTO name FROM pg_publication AS p WHERE p.pubowner = owner AND starts_with(p.pubname::text, 'audit_chain') ORDER BY p.pubname LIMIT 1;
  IF NOT FOUND THEN
    name := concat('audit_chain_', owner);
    EXECUTE format('CREATE PUBLICATION %I', name);
    IF owner <> (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = current_user) THEN
      EXECUTE format('ALTER PUBLICATION %I OWNER TO %s', name, owner::regrole);
    END IF;
  END IF;
  RETURN name;
END
$function$;
--> statement-breakpoint
-- Whether the capture process follows a publication; NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_is_followed(name text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  position public.audit_chain_position;
BEGIN
  SELECT p.* INTO position FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
  RETURN CASE WHEN EXISTS (SELECT FROM pg_replication_slots AS s WHERE s.slot_name = position.slot::name) THEN name = ANY (position.publications) END;
END
$function$;
--> statement-breakpoint
-- What a table in the mode `stream` needs, and how to get it. `name` is its owner's publication, NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_check_stream(relation regclass, name text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF current_setting('wal_level') <> 'logical' THEN
    RAISE EXCEPTION 'the mode stream needs wal_level = logical, the server has %', current_setting('wal_level')
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER SYSTEM SET wal_level = logical, and restart the server; hosted services have a setting for it, such as rds.logical_replication.';
  ELSIF current_setting('max_slot_wal_keep_size') = '-1' THEN
    RAISE EXCEPTION 'the mode stream needs a bound on the log that is kept while its process stands still, max_slot_wal_keep_size is -1'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER SYSTEM SET max_slot_wal_keep_size = ''10GB'', or what the disk has to spare, and SELECT pg_reload_conf().';
  END IF;
  IF public.audit_chain_is_followed(name) IS NOT TRUE THEN
    RAISE EXCEPTION 'the capture process does not follow a publication of the owner of % yet', relation
      USING ERRCODE = 'AC002', HINT = format('Run audit-publisher capture, as a login with REPLICATION and the role scidex_audit_capture; then SELECT audit_chain_publication(%L) in a transaction of its own, and repeat this a moment later.', relation);
  END IF;
END
$function$;
--> statement-breakpoint
-- Puts a table into its owner's publication, or takes it out. Leaves are published under their own names, those that come
-- later too: published as the whole, a TRUNCATE of a partition would send nothing. Those that are there are put there
-- themselves as well: into a publication that has only the whole, somebody could put a leaf with a filter of rows, write,
-- and take it out again, in one transaction that leaves no trace. Each leaf sends whole rows of before: of
-- a table that refuses changes this costs nothing while it does. What somebody has made a publication leave out is put back.
-- Runs with the rights of the owner.
CREATE OR REPLACE FUNCTION public.audit_chain_publish(relation regclass, is_stream boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
DECLARE
  name text;
  part regclass;
  is_partial boolean;
BEGIN
  FOR part IN SELECT c.oid FROM pg_class AS c
               WHERE c.oid = relation OR c.relkind = 'r' AND c.oid IN (SELECT t.relid FROM pg_partition_tree(relation) AS t) ORDER BY c.oid <> relation, c.oid LOOP
    -- Filters and lists of columns are there since PostgreSQL 15.
    SELECT p.pubname, coalesce(to_jsonb(m) ->> 'prqual', to_jsonb(m) ->> 'prattrs') IS NOT NULL INTO name, is_partial
      FROM pg_publication_rel AS m JOIN pg_publication AS p ON p.oid = m.prpubid
     WHERE m.prrelid = part AND starts_with(p.pubname::text, 'audit_chain') LIMIT 1;
    IF is_stream AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = part AND c.relkind = 'r' AND c.relreplident <> 'f') THEN
      EXECUTE format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', part);
    END IF;
    IF name IS NOT NULL AND (is_partial OR NOT is_stream) THEN
      EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', name, part);
    END IF;
    IF is_stream AND (name IS NULL OR is_partial) THEN
      EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', public.audit_chain_publication(relation), part);
    END IF;
  END LOOP;
  IF NOT is_stream THEN
    RETURN;
  END IF;
  SELECT p.pubname INTO name
    FROM pg_publication_rel AS m JOIN pg_publication AS p ON p.oid = m.prpubid
   WHERE m.prrelid = relation AND starts_with(p.pubname::text, 'audit_chain') AND (p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    EXECUTE format('ALTER PUBLICATION %I SET (publish = ''insert, update, delete, truncate'', publish_via_partition_root = false)', name);
  END IF;
END
$function$;
--> statement-breakpoint
-- Attaches a table: from now on its rows are captured, and its changes refused or tracked. Runs with the rights of the
-- caller, who must own the table. Returns what was done: the configuration, the number of rows not chained yet,
-- warnings.
--
-- The same call again brings the capture up to date with the table's columns, or changes its mode. An option that is
-- NULL stays as it is. At first it is: sealed, refuse, nothing excluded, the primary key, the table's name, keys and
-- payloads as they are, fallback pending. With that fallback the sealer links what a strict commit cannot link because the lock is
-- held. Sealed is the default because it takes no lock on the write path and gives up nothing that is promised: in either
-- mode, rows that are younger than the last published head can be rewritten.
--
-- With `blind_key` events are keyed by audit_chain_blind_key under a secret of the table, for keys that are personal
-- data. That is decided when the kind is first attached.
--
-- With `salt` payloads are hashed with 16 random bytes before them (audit_chain_salted), which go with the row: for values that
-- could be guessed. That, too, is decided when the kind is first attached.
--
-- `retention` is how old rows of a table that refuses changes must be for audit_chain_retire to let them go: an ISO 8601
-- duration of weeks, days, hours, minutes and seconds, or `none`. The verifier holds to that of its policy, whatever stands here.
CREATE OR REPLACE FUNCTION public.audit_chain_attach(
  relation regclass, mode text DEFAULT NULL, changes text DEFAULT NULL, exclude text[] DEFAULT NULL,
  key text[] DEFAULT NULL, kind text DEFAULT NULL, salt boolean DEFAULT NULL, blind_key boolean DEFAULT NULL,
  fallback text DEFAULT NULL, retention text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning SET row_security = off
AS $function$
DECLARE
  qualified  text;
  event_kind text;
  key_names  text[];
  columns    text[];
  name       text;
  part       regclass;
  before     public.audit_chain_config;
  live       public.audit_chain_relation;
  members    text[];
  absent     jsonb;
  record_anew boolean;
  renames    jsonb;
  row_wise   boolean;
  rows_there bigint := 0;
  is_known   boolean;
  is_asked   boolean;
  is_taken_over boolean := false;
  is_whole   boolean;
  is_plain   boolean;
  is_complete boolean;
  function_name text;
  suffix     integer := 1;
  caller     text := CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN NULL ELSE current_user END;
BEGIN
  IF relation IS NULL THEN
    RAISE EXCEPTION 'no relation was given' USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the table to attach.';
  ELSIF mode NOT IN ('sealed', 'strict', 'stream') THEN
    RAISE EXCEPTION 'the mode must be sealed, strict or stream, not %', quote_nullable(mode) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use one of the three.';
  ELSIF changes NOT IN ('refuse', 'track') THEN
    RAISE EXCEPTION 'changes must be refuse or track, not %', quote_nullable(changes) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use one of the two.';
  ELSIF fallback NOT IN ('pending', 'fail') THEN
    RAISE EXCEPTION 'the fallback must be pending or fail, not %', quote_nullable(fallback) USING ERRCODE = 'invalid_parameter_value', HINT = 'Use one of the two.';
  ELSIF retention !~ '^(none|P(?=.*[1-9])([0-9]+W)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?)$' THEN
    RAISE EXCEPTION 'the retention must be an ISO 8601 duration or none, not %', quote_literal(retention)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Weeks, days, hours, minutes and seconds, such as P400D: months and years have no fixed length.';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'attach needs a READ COMMITTED transaction, this one is %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  END IF;
  PERFORM public.audit_chain_check_attachable(relation);
  -- Writers wait from here on, so that no row falls between two configurations.
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)), c.relname, c.relkind = 'p', c.relkind = 'r'
    INTO qualified, event_kind, row_wise, is_plain
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = relation;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r
   WHERE r.relid IN (SELECT relation UNION SELECT t.relid FROM pg_partition_tree(relation) AS t) ORDER BY r.relid <> relation, r.kind LIMIT 1;
  event_kind := coalesce(kind, live.kind, event_kind);
  IF live.relid <> relation THEN
    -- All rows have been captured where the table has become a partition just now, and the others have none.
    SELECT bool_or(public.audit_chain_is_own(i.xmin)) INTO is_whole FROM pg_inherits AS i WHERE i.inhrelid = live.relid;
    FOR part IN SELECT t.relid FROM pg_partition_tree(relation) AS t WHERE t.isleaf AND t.relid NOT IN (SELECT o.relid FROM pg_partition_tree(live.relid) AS o) LOOP
      EXIT WHEN NOT is_whole;
      EXECUTE format('SELECT NOT EXISTS (SELECT FROM %s)', part) INTO is_whole;
    END LOOP;
    PERFORM public.audit_chain_take_over(relation, event_kind);
    FOR part, name IN
      SELECT t.tgrelid::regclass, t.tgname FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
       WHERE t.tgrelid = live.relid AND NOT t.tgisinternal AND t.tgparentid = 0
         AND p.pronamespace = 'public'::regnamespace AND p.proname = public.audit_chain_capture_name(live.kind)
    LOOP
      EXECUTE format('DROP TRIGGER %I ON %s', name, part);
    END LOOP;
    SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.relid = relation;
    is_taken_over := true;
  END IF;
  before := public.audit_chain_in_force(event_kind);
  -- The kind of a table that was dropped stays that table's: its keys would be taken for those of this one.
  WHILE live.kind IS NULL AND before.action = 'detach' AND cardinality(before.columns) = 0 LOOP
    IF kind IS NOT NULL THEN
      RAISE EXCEPTION 'the kind % was that of a table that has been dropped', quote_literal(kind) USING ERRCODE = 'AC003', HINT = 'Leave it out, or give another one.';
    END IF;
    suffix := suffix + 1;
    event_kind := concat((SELECT c.relname FROM pg_class AS c WHERE c.oid = relation), '#', suffix);
    before := public.audit_chain_in_force(event_kind);
  END LOOP;
  is_known := before.id IS NOT NULL AND before.action <> 'detach';
  mode := coalesce(mode, CASE WHEN is_known THEN before.mode END, 'sealed');
  IF mode = 'stream' AND coalesce(salt, before.salt) THEN
    RAISE EXCEPTION 'the payloads of % are salted, which the mode stream does not do', relation USING ERRCODE = 'feature_not_supported', HINT = 'Attach it in the mode sealed.';
  ELSIF mode = 'stream' THEN
    PERFORM public.audit_chain_check_stream(relation, (
      SELECT p.pubname::text FROM pg_publication AS p JOIN pg_class AS c ON c.oid = relation AND c.relowner = p.pubowner
       WHERE starts_with(p.pubname::text, 'audit_chain') ORDER BY p.pubname LIMIT 1));
  END IF;
  changes := coalesce(changes, CASE WHEN is_known THEN before.changes END, 'refuse');
  blind_key := coalesce(blind_key, before.blind_key, false);
  IF blind_key <> before.blind_key THEN
    RAISE EXCEPTION 'the keys of % events are % since the kind was first attached, which cannot change', quote_literal(event_kind),
        CASE WHEN before.blind_key THEN 'blinded' ELSE 'not blinded' END
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Leave the option out; or copy the rows into a new table and attach that one with blind_key => %s.', blind_key::text);
  END IF;
  salt := coalesce(salt, before.salt, false);
  IF salt <> before.salt THEN
    RAISE EXCEPTION 'the payloads of % events are % since the kind was first attached, which cannot change', quote_literal(event_kind),
        CASE WHEN before.salt THEN 'salted' ELSE 'not salted' END
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Leave the option out; or copy the rows into a new table and attach that one with salt => %s.', salt::text);
  END IF;
  fallback := coalesce(fallback, CASE WHEN is_known THEN before.fallback END, 'pending');
  retention := nullif(coalesce(retention, CASE WHEN is_known THEN before.retention END), 'none');
  renames := CASE WHEN live.relid = relation THEN public.audit_chain_renames(live) ELSE '{}' END;
  -- What is kept follows the renames, and lets go of columns that have been dropped.
  IF exclude IS NULL THEN
    SELECT coalesce(array_agg(a.attname::text ORDER BY e.n), '{}') INTO exclude
      FROM unnest(CASE WHEN is_known THEN before.excluded END) WITH ORDINALITY AS e(name, n)
      JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname::text = coalesce(renames ->> e.name, e.name) AND NOT a.attisdropped;
  END IF;

  FOREACH name IN ARRAY exclude LOOP
    PERFORM FROM pg_attribute AS a WHERE a.attrelid = relation AND a.attname::text = name AND a.attnum > 0 AND NOT a.attisdropped;
    IF NOT FOUND THEN
      RAISE EXCEPTION '% has no column %', relation, quote_literal(name) USING ERRCODE = 'undefined_column', HINT = 'Names are case-sensitive here; write them without quotes.';
    END IF;
  END LOOP;
  is_asked := key IS NOT NULL;
  IF NOT is_asked AND is_known THEN
    SELECT array_agg(a.attname::text ORDER BY k.n) INTO key
      FROM unnest(before.key_columns) WITH ORDINALITY AS k(name, n)
      JOIN pg_attribute AS a ON a.attrelid = relation AND NOT a.attisdropped
       AND a.attname::text = coalesce(renames ->> k.name, k.name)
    HAVING count(*) = cardinality(before.key_columns);
  END IF;
  -- What was the key may be none any more: a migration has given the table another one.
  key_names := coalesce(CASE WHEN NOT is_asked THEN public.audit_chain_key_now(relation, key) END, public.audit_chain_key_columns(relation, key));
  IF salt AND key_names <> (SELECT array_agg(coalesce(renames ->> k.name, k.name) ORDER BY k.n) FROM unnest(before.key_columns) WITH ORDINALITY AS k(name, n)) THEN
    RAISE EXCEPTION 'the payloads of % are salted by its key %, which cannot change', relation, array_to_string(before.key_columns, ', ')
      USING ERRCODE = 'feature_not_supported', HINT = 'Keep the key; or copy the rows into a new table and attach that one.';
  END IF;
  IF key_names && exclude THEN
    RAISE EXCEPTION 'a key column of % cannot be excluded', relation USING ERRCODE = 'AC005', HINT = 'Exclude other columns, or choose another key.';
  END IF;
  SELECT s.* INTO columns, members, absent, record_anew FROM public.audit_chain_shape(relation, event_kind, exclude) AS s;
  row_wise := row_wise OR changes = 'track';

  function_name := public.audit_chain_capture_open(relation, event_kind, key_names, columns, members, absent, changes, mode, row_wise, blind_key, salt, caller);
  PERFORM public.audit_chain_put_triggers(relation, changes, mode, row_wise, function_name);
  IF mode = 'stream' OR before.mode = 'stream' THEN
    PERFORM public.audit_chain_publish(relation, mode = 'stream');
  END IF;

  -- A table that was dropped and made again under the same name has rows of its own to be chained.
  IF NOT is_known OR live.relid IS DISTINCT FROM relation THEN
    -- Rows of inheritance children are not captured, and not this table's.
    EXECUTE format('SELECT count(*) FROM %s %s', CASE WHEN is_plain THEN 'ONLY' END, relation) INTO rows_there;
  END IF;
  IF is_taken_over AND NOT is_whole THEN
    EXECUTE format('SELECT count(*) FROM %s', relation) INTO rows_there;
  END IF;
  is_complete := rows_there = 0 AND (NOT is_known OR before.complete);
  IF mode = 'stream' AND NOT is_complete THEN
    RAISE EXCEPTION '% has rows that are not chained, and in the mode stream they could change before a backfill has come to them', relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Attach it in the mode sealed, run audit-chain backfill %s, and then attach it in the mode stream.', relation);
  END IF;
  -- The same call again changes nothing and records nothing.
  IF NOT is_known OR live.relid IS DISTINCT FROM relation
     OR is_taken_over OR (before.relation, before.key_columns, before.columns, before.members, before.absent, before.excluded, before.changes, before.mode, before.fallback, before.retention)
       IS DISTINCT FROM (qualified COLLATE "C", key_names, columns, members, absent, exclude, changes, mode, fallback, retention)
     OR before.present IS DISTINCT FROM public.audit_chain_present(relation)
     OR public.audit_chain_types_changed(relation, before.columns, before.column_types) THEN
    PERFORM public.audit_chain_configure(relation, 'attach'::text, event_kind, key_names, columns, members, absent, exclude, changes, mode, fallback, is_complete, record_anew, blind_key, salt, retention);
  END IF;
  IF caller IS NOT NULL THEN
    PERFORM public.audit_chain_capture_close(function_name, caller);
  END IF;
  RETURN jsonb_build_object('relation', qualified, 'kind', event_kind, 'key', to_jsonb(key_names), 'columns', to_jsonb(columns),
    'excluded', to_jsonb(exclude), 'changes', changes, 'mode', mode, 'fallback', fallback, 'retention', retention, 'salt', salt, 'blind_key', blind_key, 'complete', is_complete, 'rows_to_backfill', rows_there,
    'renamed', renames, 'record_anew', record_anew, 'warnings', public.audit_chain_attach_warnings(relation, columns, changes));
END
$function$;
--> statement-breakpoint
-- Takes in what a migration has changed of an audited table: at the end of the migration, in its own transaction. The
-- table stays attached as it is. A column that has joined is covered from then on, in older rows too. Returns what
-- audit_chain_attach returns. Nothing is recorded where nothing has changed.
CREATE OR REPLACE FUNCTION public.audit_chain_sync(relation regclass) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  root   regclass := coalesce(pg_partition_root(relation), relation);
  config public.audit_chain_config;
BEGIN
  -- Or of a partition of it that was audited by itself.
  config := public.audit_chain_in_force((SELECT r.kind FROM public.audit_chain_relation AS r
    WHERE r.relid IN (SELECT root UNION SELECT t.relid FROM pg_partition_tree(root) AS t) ORDER BY r.relid <> root, r.kind LIMIT 1));
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(config.kind, 'audit_chain') THEN
    RAISE EXCEPTION '% is not attached', root USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %s', root);
  END IF;
  RETURN public.audit_chain_attach(root);
END
$function$;
--> statement-breakpoint
-- Removes capture and guards from a table. The detachment is recorded in the chain; rows chained before stay checked.
CREATE OR REPLACE FUNCTION public.audit_chain_detach(relation regclass) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $function$
DECLARE
  config public.audit_chain_config;
  live   public.audit_chain_relation;
  part   regclass;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'detach needs a READ COMMITTED transaction, this one is %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  END IF;
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.relid = relation;
  config := public.audit_chain_in_force(live.kind);
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(config.kind, 'audit_chain') THEN
    RAISE EXCEPTION '% is not attached', relation USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  END IF;
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_capture ON %s', relation);
  EXECUTE format('DROP TRIGGER IF EXISTS "0_audit_chain_track" ON %s', relation);
  EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard ON %s', relation);
  FOR part IN SELECT relation UNION SELECT t.relid::regclass FROM pg_partition_tree(relation) AS t LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS audit_chain_guard_truncate ON %s', part);
  END LOOP;
  PERFORM public.audit_chain_publish(relation, false);
  PERFORM public.audit_chain_configure(relation, 'detach'::text, config.kind, config.key_columns, config.columns,
    config.members, config.absent, config.excluded, config.changes, config.mode, config.fallback, config.complete, false, config.blind_key, config.salt, config.retention);
  RETURN jsonb_build_object('relation', config.relation, 'kind', config.kind);
END
$function$;
--> statement-breakpoint
-- Records that an attached table has been dropped: a detachment that covers no columns. Only for one that is gone.
CREATE OR REPLACE FUNCTION public.audit_chain_dropped(kind text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config;
  live   public.audit_chain_relation;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  config := public.audit_chain_in_force(kind);
  SELECT r.* INTO live FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_dropped.kind;
  IF live.kind IS NULL OR config.action = 'detach' THEN
    RAISE EXCEPTION 'no table is attached under the kind %', quote_literal(kind) USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  ELSIF EXISTS (SELECT FROM pg_class AS c WHERE c.oid = live.relid) THEN
    RAISE EXCEPTION '% is there', live.relid USING ERRCODE = 'object_in_use', HINT = format('To stop auditing it, run: audit-chain detach %s', live.relid);
  END IF;
  PERFORM public.audit_chain_link_all();
  INSERT INTO public.audit_chain_config
    (id, recorded_at, actor, action, kind, relation, key_columns, columns, members, absent, column_types, excluded, changes, mode, fallback, complete, record_anew, salt, blind_key, retention, present)
  SELECT (SELECT max(c.id) + 1 FROM public.audit_chain_config AS c), clock_timestamp(), session_user, 'detach', config.kind, config.relation, config.key_columns,
         '{}', '{}', '{}', '{}', '{}', config.changes, config.mode, config.fallback, config.complete, false, config.salt, config.blind_key, config.retention, '{}';
  PERFORM public.audit_chain_link(pg_current_xact_id(), 10000);
END
$function$;
--> statement-breakpoint
-- For hand-written triggers: AFTER INSERT ... FOR EACH ROW EXECUTE FUNCTION audit_chain_append('kind') does the work of
-- attach's own trigger on a table that is attached, and fails on one that is not. Where attach's own trigger is there
-- and enabled, the row has been staged already.
CREATE OR REPLACE FUNCTION public.audit_chain_append() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
AS $function$
DECLARE
  config public.audit_chain_config;
  event  record;
BEGIN
  config := public.audit_chain_in_force((SELECT r.kind FROM public.audit_chain_relation AS r
    WHERE r.relid IN (TG_RELID, pg_partition_root(TG_RELID)) ORDER BY r.relid = TG_RELID DESC LIMIT 1));
  IF config.id IS NULL OR config.action = 'detach' OR TG_NARGS > 0 AND config.kind <> TG_ARGV[0] THEN
    RAISE EXCEPTION '%.% is not configured for the audit chain%', quote_ident(TG_TABLE_SCHEMA), quote_ident(TG_TABLE_NAME),
        CASE WHEN TG_NARGS > 0 THEN concat(' under the kind ', quote_literal(TG_ARGV[0])) END
      USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  ELSIF TG_OP <> 'INSERT' OR TG_LEVEL <> 'ROW' OR TG_WHEN <> 'AFTER' THEN
    RAISE EXCEPTION 'audit_chain_append() is for AFTER INSERT FOR EACH ROW triggers'
      USING ERRCODE = 'AC002', HINT = format('Run: audit-chain attach %I.%I, which makes all the triggers', TG_TABLE_SCHEMA, TG_TABLE_NAME);
  ELSIF EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = TG_RELID AND g.tgname IN ('audit_chain_capture', '0_audit_chain_track')
           AND g.tgenabled IN ('A', CASE current_setting('session_replication_role') WHEN 'replica' THEN 'R' ELSE 'O' END)) THEN
    RETURN NULL;
  END IF;
  event := public.audit_chain_odd_row(config.kind, TG_RELID, concat(NEW));
  event.pk := public.audit_chain_odd_key(config.kind, event.pk);
  IF config.blind_key THEN
    event.pk := public.audit_chain_blind_key((SELECT s.secret FROM public.audit_chain_secret AS s WHERE s.event_kind = config.kind), event.pk);
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash)
  VALUES (config.mode, CASE config.changes WHEN 'track' THEN 'insert' ELSE 'event' END, config.kind, event.pk,
          CASE WHEN config.salt THEN public.audit_chain_salted(config.kind, event.pk, event.payload) ELSE sha256(convert_to(event.payload, 'UTF8')) END);
  IF config.mode = 'strict' THEN
    INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$function$;
--> statement-breakpoint
-- Chains rows that were in a table before it was attached: the backfill's door. `pks` and `payload_hashes` come from the
-- table itself, in the order given; keys as events have them, so blinded ones where the table's are. Rows that are chained already are passed over. Returns how many were added.
CREATE OR REPLACE FUNCTION public.audit_chain_adopt(kind text, pks text[], payload_hashes bytea[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
-- With a plan for each call, the arrays would be constants, and reading them by number takes as long as they are.
SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config     public.audit_chain_config;
  kinds      text[];
  new_pks    text[];
  new_hashes bytea[];
  new_roles  text[];
  size       bigint;
  since      bigint := public.audit_chain_keyed_since(kind);
BEGIN
  config := public.audit_chain_in_force(kind);
  IF config.id IS NULL OR config.action = 'detach' THEN
    RAISE EXCEPTION 'no table is attached under the kind %', quote_literal(kind) USING ERRCODE = 'AC002', HINT = 'Attach the table first.';
  ELSIF config.complete THEN
    RAISE EXCEPTION '% is complete: a row of it that is not chained was inserted past its trigger', config.relation
      USING ERRCODE = 'AC002', HINT = 'Find out where it comes from. To chain it all the same, use audit-backfill --readmit, which is recorded.';
  END IF;
  IF since > 0 AND NOT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.seq > since AND c.event_kind = 'audit_chain_statement')
     AND EXISTS (SELECT FROM public.audit_chain AS c WHERE c.seq < since AND c.event_kind IN (kind, concat(kind, ':record'))) THEN
    RAISE EXCEPTION 'the key of % was changed, and its rows are not recorded anew yet: which of them are not chained cannot be told', config.relation
      USING ERRCODE = 'AC002', HINT = 'Run audit-publisher publish first, which records them anew.';
  END IF;
  PERFORM public.audit_chain_check_claim(r.relid, r.kind) FROM public.audit_chain_relation AS r WHERE r.kind = audit_chain_adopt.kind;
  IF config.blind_key AND EXISTS (SELECT FROM unnest(pks) AS k WHERE k !~ '^[0-9a-f]{64}$') THEN
    RAISE EXCEPTION 'the keys of % are blinded, and one of those given is not', config.relation
      USING ERRCODE = 'AC005', HINT = 'Run audit-chain backfill, which blinds them.';
  END IF;
  kinds := array_fill(kind, ARRAY[cardinality(pks)]);
  PERFORM public.audit_chain_check_events(kinds, pks, payload_hashes);
  PERFORM public.audit_chain_lock_chain();
  IF since = 0 AND config.changes = 'refuse' AND array_dims(pks) = array_dims(kinds) AND array_dims(payload_hashes) = array_dims(kinds)
     AND NOT EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = kind) THEN
    -- Nothing but the chain itself can have one of these events, which is rare: another backfill has been faster.
    BEGIN
      size := public.audit_chain_extend(kinds, pks, payload_hashes, NULL::bytea[], NULL::text[]);
      RETURN cardinality(pks);
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END IF;
  -- A key that was another row's, when rows had other keys, is used again.
  SELECT array_agg(e.pk ORDER BY e.n), array_agg(e.payload_hash ORDER BY e.n),
         array_agg((SELECT 'insert' FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = e.pk) ORDER BY e.n)
    INTO new_pks, new_hashes, new_roles
    FROM unnest(pks, payload_hashes) WITH ORDINALITY AS e(pk, payload_hash, n)
   WHERE NOT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = e.pk AND c.seq > since)
     -- Not a join: what is gone from pending and not vacuumed yet would be read for each row (500 rows took 2 s).
     AND e.pk NOT IN (SELECT p.event_pk FROM public.audit_chain_pending AS p WHERE p.event_kind = kind)
     -- A tracked row that has changed since it was attached stands in the chain by its changes, and one that got another key
     -- by what it was recorded as anew: keys from pk@ up to pkA.
     AND (config.changes = 'refuse' AND since = 0 OR NOT EXISTS (
           SELECT FROM public.audit_chain AS c
            WHERE c.event_kind IN (concat(kind, ':insert'), concat(kind, ':update'), concat(kind, ':delete'), concat(kind, ':record')) AND c.seq > since
              AND c.event_pk > concat(e.pk, '@') COLLATE "C" AND c.event_pk < concat(e.pk, 'A') COLLATE "C"
              -- Keys can contain an @ themselves: another row's changes are not this one's.
              AND c.event_pk = concat(e.pk, '@', c.seq)));
  IF new_pks IS NULL THEN
    RETURN 0;
  END IF;
  size := public.audit_chain_extend(kinds[1:cardinality(new_pks)], new_pks, new_hashes, NULL::bytea[], new_roles);
  RETURN cardinality(new_pks);
END
$function$;
--> statement-breakpoint
-- Records that every row of a table is chained: the backfill has finished. With `complete` false it records that rows
-- may be admitted again (`--readmit`), which the verifier reports unless its policy allows it.
CREATE OR REPLACE FUNCTION public.audit_chain_complete(relation regclass, complete boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config;
BEGIN
  -- Two backfills that end at once: the second waits here, and then finds it done. Rows that are being written are in
  -- pending when the lock is had, so that they are linked before the record.
  EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
  config := public.audit_chain_in_force((SELECT r.kind FROM public.audit_chain_relation AS r WHERE r.relid = audit_chain_complete.relation));
  IF config.id IS NULL OR config.action = 'detach' THEN
    RAISE EXCEPTION '% is not attached', relation USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  ELSIF config.mode = 'stream' AND NOT audit_chain_complete.complete THEN
    RAISE EXCEPTION '% is in the mode stream, in which no rows are admitted again', relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Attach it in the mode sealed first: SELECT audit_chain_attach(%L, mode => ''sealed'')', relation);
  ELSIF config.complete IS NOT DISTINCT FROM audit_chain_complete.complete THEN
    RETURN;
  END IF;
  PERFORM public.audit_chain_configure(relation, CASE WHEN complete THEN 'complete' ELSE 'readmit' END, config.kind,
    config.key_columns, config.columns, config.members, config.absent, config.excluded, config.changes, config.mode, config.fallback, complete, false, config.blind_key, config.salt, config.retention);
END
$function$;
--> statement-breakpoint
-- The configuration in force of an attached table, or of the table that it is a partition of; an error where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_attached(relation regclass) RETURNS public.audit_chain_config
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  kind   text := (SELECT r.kind FROM public.audit_chain_relation AS r WHERE r.relid IN (relation, pg_partition_root(relation)));
  config public.audit_chain_config := public.audit_chain_in_force(kind);
BEGIN
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(config.kind, 'audit_chain') THEN
    RAISE EXCEPTION '% is not attached', relation USING ERRCODE = 'AC002', HINT = 'audit-chain status lists the tables that are.';
  END IF;
  RETURN config;
END
$function$;
--> statement-breakpoint
-- What the chain says of a key: the role of its newest event (NULL: the row's own), that event's hashes and seq, and when the
-- row was last changed. That its table was recorded anew, or it was put back, makes a row no younger. All NULL where there is
-- no event. Updates and deletes behind `refused_since` are passed over.
CREATE OR REPLACE FUNCTION public.audit_chain_newest(
  kind text, pk text, since bigint, refused_since bigint DEFAULT 9223372036854775807,
  OUT role text, OUT payload_hash bytea, OUT changed_at timestamptz, OUT seq bigint, OUT before_hash bytea)
LANGUAGE plpgsql STABLE
-- See audit_chain_link.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off
AS $function$
BEGIN
  SELECT (array_agg(e.role ORDER BY e.seq DESC))[1], (array_agg(e.payload_hash ORDER BY e.seq DESC))[1],
         coalesce(max(e.appended_at) FILTER (WHERE e.role IS NULL OR e.role NOT IN ('record', 'restore')), min(e.appended_at)),
         max(e.seq), (array_agg(e.before_hash ORDER BY e.seq DESC))[1]
    INTO role, payload_hash, changed_at, seq, before_hash
    FROM (SELECT NULL AS role, c.seq, c.payload_hash, c.before_hash, c.appended_at FROM public.audit_chain AS c WHERE c.event_kind = kind AND c.event_pk = pk
          UNION ALL
          -- Keys from pk@ up to pkA. Keys can contain an @ themselves: another row's changes are not this one's.
          SELECT r.name, c.seq, c.payload_hash, c.before_hash, c.appended_at
            FROM unnest(ARRAY['insert', 'update', 'delete', 'record', 'retire', 'erase', 'restore']) AS r(name)
           CROSS JOIN LATERAL (
             SELECT l.seq, l.payload_hash, l.before_hash, l.appended_at FROM public.audit_chain AS l
              WHERE l.event_kind = concat(kind, ':', r.name) AND l.event_pk > concat(pk, '@') COLLATE "C" AND l.event_pk < concat(pk, 'A') COLLATE "C"
                AND l.event_pk = concat(pk, '@', l.seq) OFFSET 0) AS c) AS e
   WHERE e.seq > since AND NOT (e.seq > refused_since AND e.role IS NOT NULL AND e.role IN ('update', 'delete'));
END
$function$;
--> statement-breakpoint
-- A row's key as its events have it: where keys are blinded, under the table's secret.
CREATE OR REPLACE FUNCTION public.audit_chain_event_key(config public.audit_chain_config, pk text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF NOT config.blind_key THEN
    RETURN pk;
  END IF;
  RETURN (SELECT public.audit_chain_blind_key(s.secret, pk) FROM public.audit_chain_secret AS s WHERE s.event_kind = config.kind);
END
$function$;
--> statement-breakpoint
-- Payload hash of one row, for the doors through which rows leave: salted where the table's payloads are. `pk` is the row's own
-- key. NULL where its salt is gone: then nothing shows that it is what was recorded.
CREATE OR REPLACE FUNCTION public.audit_chain_row_hash(relation regclass, pk text, payload text) RETURNS bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
BEGIN
  IF NOT config.salt THEN
    RETURN sha256(convert_to(payload, 'UTF8'));
  END IF;
  RETURN (SELECT sha256(s.salt || convert_to(payload, 'UTF8')) FROM public.audit_chain_salt AS s
           WHERE s.event_kind = config.kind AND s.event_pk = public.audit_chain_event_key(config, pk));
END
$function$;
--> statement-breakpoint
-- The statement by which audit_chain_retire reads a part of a table, in the order in which rows lie there: places, keys
-- and payload hashes as capture would make them, and the last place. $1 is the place behind which it begins, $2 how many.
CREATE OR REPLACE FUNCTION public.audit_chain_leaving_source(relation regclass) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
BEGIN
  RETURN format(E'SELECT array_agg(source.audit_chain_place), array_agg(event.pk), array_agg(%s), max(source.audit_chain_place)\n  FROM %s',
    -- A call for each row, where there is anything to be looked up.
    CASE WHEN config.salt THEN format('public.audit_chain_row_hash(%s::oid::regclass, event.pk, event.payload)', relation::oid) ELSE 'sha256(convert_to(event.payload, ''UTF8''))' END,
    public.audit_chain_row_source(format('(SELECT t.ctid AS audit_chain_place, t.* FROM ONLY %s AS t WHERE t.ctid > $1 LIMIT $2)', relation),
      config.key_columns, config.columns, config.members, config.absent));
END
$function$;
--> statement-breakpoint
-- Lets rows of a table go for the rest of the transaction, as far as the table's retention allows it: the part of
-- audit_chain_retire that needs our owner's rights. Whoever calls it by himself may delete what he could retire.
--
-- Returns for each row NULL where it is let go, else why not: `young`, or `different` where the row is not what its newest
-- event says. Who has changed a row past its trigger is not helped by it leaving.
CREATE OR REPLACE FUNCTION public.audit_chain_may_retire(relation regclass, before interval, pks text[], payload_hashes bytea[]) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config  public.audit_chain_config := public.audit_chain_attached(relation);
  since   bigint := public.audit_chain_keyed_since(config.kind);
  secret  bytea;
  -- In UTC, where each day has 24 hours.
  now     timestamp := clock_timestamp() AT TIME ZONE 'UTC';
  reasons text[];
BEGIN
  IF config.changes <> 'refuse' THEN
    RAISE EXCEPTION 'rows of % may be deleted, which is recorded', config.relation USING ERRCODE = 'AC002', HINT = 'Delete them, or drop their partitions: retiring is for tables that refuse changes.';
  ELSIF config.retention IS NULL THEN
    RAISE EXCEPTION 'rows of % have no retention', config.relation
      USING ERRCODE = 'AC002', HINT = 'Give the table one in audit.config.json, such as "retention": "P400D", and run audit-chain sync. The policy has to have it too.';
  ELSIF before IS NULL OR NOT now - before <= now - config.retention::interval THEN
    -- As times: an interval compares a month as 30 days.
    RAISE EXCEPTION 'rows of % are kept for %, so none can be retired before %', config.relation, config.retention, coalesce(before::text, 'no age')
      USING ERRCODE = 'AC004', HINT = 'Give an age of at least the retention.';
  END IF;
  IF config.blind_key THEN
    SELECT s.secret INTO secret FROM public.audit_chain_secret AS s WHERE s.event_kind = config.kind;
    SELECT array_agg(public.audit_chain_blind_key(secret, k.pk) ORDER BY k.n) INTO pks FROM unnest(pks) WITH ORDINALITY AS k(pk, n);
  END IF;
  SELECT array_agg(CASE WHEN c.changed_at IS NULL OR c.changed_at AT TIME ZONE 'UTC' >= now - before THEN 'young'
                        WHEN c.role IN ('delete', 'retire', 'erase') OR c.payload_hash IS DISTINCT FROM e.payload_hash THEN 'different' END ORDER BY e.n)
    INTO reasons
    FROM unnest(pks, payload_hashes) WITH ORDINALITY AS e(pk, payload_hash, n)
   CROSS JOIN LATERAL public.audit_chain_newest(config.kind, e.pk, since) AS c;
  INSERT INTO public.audit_chain_leaving (event_kind, event_pk, payload_hash, role)
  SELECT config.kind, e.pk, e.payload_hash, 'retire' FROM unnest(pks, payload_hashes, reasons) AS e(pk, payload_hash, reason) WHERE e.reason IS NULL
  ON CONFLICT DO NOTHING;
  RETURN reasons;
END
$function$;
--> statement-breakpoint
-- Reads a part of a table that refuses changes, or of one of its partitions, with the caller's rights: places, keys, and
-- payload hashes as capture would make them, of at most `max_rows` rows behind the place `after`, in the order in which they
-- lie there. `next` is the last place; NULL at the end.
CREATE OR REPLACE FUNCTION public.audit_chain_leaving_rows(
  relation regclass, max_rows integer, after tid, OUT places tid[], OUT pks text[], OUT payload_hashes bytea[], OUT next tid)
LANGUAGE plpgsql STABLE
-- The texts are those of capture. Rows come in their order from a scan by places and from no other.
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
SET row_security = off SET enable_seqscan = off SET synchronize_seqscans = off SET max_parallel_workers_per_gather = 0 SET jit = off
AS $function$
BEGIN
  EXECUTE public.audit_chain_leaving_source(relation) INTO places, pks, payload_hashes, next USING after, max_rows;
  IF places IS NULL OR cardinality(places) < max_rows THEN
    next := NULL;
  END IF;
END
$function$;
--> statement-breakpoint
-- Deletes rows of a table that refuses changes, or of one of its partitions, once they are older than its retention and
-- than `before`: the newest event of each counts. Each becomes an event of the role `retire`. Needs the rights to read the
-- table and to delete from it.
--
-- Looks at no more than `max_rows` rows, in the order in which they lie there, behind the place `after`. Returns how many were
-- retired, how many are old enough but not what was recorded, and the `after` of the next call: NULL at the end.
--
-- The table's own triggers run in here: with the caller's rights and with his settings, so there are none of ours, and
-- whatever is called is qualified.
CREATE OR REPLACE FUNCTION public.audit_chain_retire(
  relation regclass, before interval, max_rows integer DEFAULT 1000, after tid DEFAULT '(0,0)',
  OUT retired integer, OUT different integer, OUT next tid)
LANGUAGE plpgsql
AS $function$
DECLARE
  places  tid[];
  pks     text[];
  hashes  bytea[];
  reasons text[];
BEGIN
  IF (SELECT c.relkind OPERATOR(pg_catalog.=) 'p' FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) relation) THEN
    RAISE EXCEPTION '% is partitioned', relation USING ERRCODE = 'wrong_object_type', HINT = 'Retire rows of its partitions, or drop these; audit-chain retire goes through all of them.';
  END IF;
  SELECT r.places, r.pks, r.payload_hashes, r.next INTO places, pks, hashes, next FROM public.audit_chain_leaving_rows(relation, max_rows, after) AS r;
  -- Asked for no rows too: what may not be is then said of an empty table as of any other.
  reasons := public.audit_chain_may_retire(relation, before, coalesce(pks, '{}'), coalesce(hashes, '{}'));
  SELECT pg_catalog.array_agg(e.place) FILTER (WHERE e.reason IS NULL), pg_catalog.count(e.reason) FILTER (WHERE e.reason OPERATOR(pg_catalog.=) 'different')
    INTO places, different FROM ROWS FROM (pg_catalog.unnest(places), pg_catalog.unnest(reasons)) AS e(place, reason);
  retired := 0;
  IF places IS NOT NULL THEN
    EXECUTE pg_catalog.format('DELETE FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)', relation) USING places;
    GET DIAGNOSTICS retired = ROW_COUNT;
  END IF;
END
$function$;
--> statement-breakpoint
-- The statement by which audit_chain_erase and audit_chain_restore read one row of a table, or of one of its partitions: the
-- table that it lies in and its place there, and its payload hash as capture would make it. The key is compared as text, as events have it, which reads the whole table.
CREATE OR REPLACE FUNCTION public.audit_chain_erasing_source(relation regclass, pk text) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  texts  text[] := CASE WHEN cardinality(config.key_columns) = 1 THEN ARRAY[pk]
                        ELSE ARRAY(SELECT e.text FROM json_array_elements_text(pk::json) WITH ORDINALITY AS e(text, n) ORDER BY e.n) END;
BEGIN
  RETURN format(E'SELECT source.audit_chain_part, source.audit_chain_place, public.audit_chain_row_hash(%s::oid::regclass, event.pk, event.payload)\n  FROM %s', relation::oid,
    public.audit_chain_row_source(format('(SELECT t.tableoid AS audit_chain_part, t.ctid AS audit_chain_place, t.* FROM %s%s AS t WHERE %s)',
        (SELECT CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END FROM pg_class AS c WHERE c.oid = relation), relation,
        (SELECT string_agg(format('concat(t.%I) OPERATOR(pg_catalog.=) %L', c.name, coalesce(texts[c.n], '')), ' AND ' ORDER BY c.n)
           FROM unnest(config.key_columns) WITH ORDINALITY AS c(name, n))),
      config.key_columns, config.columns, config.members, config.absent));
END
$function$;
--> statement-breakpoint
-- Reads one row of an audited table, or of one of its partitions, with the caller's rights: the table that it lies in and its
-- place there, and its payload hash as capture would make it. NULL where there is none.
CREATE OR REPLACE FUNCTION public.audit_chain_erasing_row(relation regclass, pk text, OUT part oid, OUT place tid, OUT payload_hash bytea)
LANGUAGE plpgsql STABLE
-- The texts are those of capture.
SET search_path = pg_catalog, pg_temp SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO' SET "IntervalStyle" = 'postgres'
SET bytea_output = 'hex' SET extra_float_digits = '1' SET lc_monetary = 'C' SET quote_all_identifiers = 'off'
SET row_security = off SET jit = off
AS $function$
BEGIN
  EXECUTE public.audit_chain_erasing_source(relation, pk) INTO part, place, payload_hash;
END
$function$;
--> statement-breakpoint
-- Lets one row of a table go for the rest of the transaction: the part of audit_chain_erase that needs our owner's rights.
-- Whoever calls it by himself may delete what he could erase. That it was meant, a statement has to say, which is signed
-- by a key that the verifier's policy has.
--
-- A row that is not what its newest event says stays: who has changed it past its trigger is not helped by it leaving.
CREATE OR REPLACE FUNCTION public.audit_chain_may_erase(relation regclass, pk text, payload_hash bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  event  text := public.audit_chain_event_key(config, pk);
  newest record;
BEGIN
  IF config.changes <> 'refuse' THEN
    RAISE EXCEPTION 'rows of % may be deleted, which is recorded', config.relation USING ERRCODE = 'AC002', HINT = 'Delete the row: erasing is for tables that refuse changes.';
  END IF;
  SELECT n.* INTO newest FROM public.audit_chain_newest(config.kind, event, public.audit_chain_keyed_since(config.kind)) AS n;
  IF newest.payload_hash IS DISTINCT FROM payload_hash OR newest.role IN ('delete', 'retire', 'erase') THEN
    RAISE EXCEPTION 'the row % of % is not what was recorded', pk, config.relation USING ERRCODE = 'AC004', HINT = 'See with audit-chain verify what it was. It can be erased once it is again, or once it is recorded as it stands.';
  END IF;
  INSERT INTO public.audit_chain_leaving (event_kind, event_pk, payload_hash, role) VALUES (config.kind, event, payload_hash, 'erase') ON CONFLICT DO NOTHING;
END
$function$;
--> statement-breakpoint
-- Deletes one row of a table that refuses changes, or of one of its partitions, and records an event of the role `erase`.
-- Needs the rights to read the table and to delete from it. Returns whether the row was there.
--
-- The table's own triggers run in here: see audit_chain_retire.
CREATE OR REPLACE FUNCTION public.audit_chain_erase(relation regclass, pk text) RETURNS boolean
LANGUAGE plpgsql
AS $function$
DECLARE
  place tid;
  hash  bytea;
  rows  integer;
BEGIN
  IF (SELECT c.relkind OPERATOR(pg_catalog.=) 'p' FROM pg_catalog.pg_class AS c WHERE c.oid OPERATOR(pg_catalog.=) relation) THEN
    RAISE EXCEPTION '% is partitioned', relation USING ERRCODE = 'wrong_object_type', HINT = 'Name the partition that has the row; audit-chain erase looks through all of them.';
  END IF;
  SELECT r.place, r.payload_hash INTO place, hash FROM public.audit_chain_erasing_row(relation, pk) AS r;
  IF place IS NULL THEN
    RETURN false;
  END IF;
  PERFORM public.audit_chain_may_erase(relation, pk, hash);
  EXECUTE pg_catalog.format('DELETE FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) $1', relation) USING place;
  GET DIAGNOSTICS rows = ROW_COUNT;
  IF rows OPERATOR(pg_catalog.<>) 1 THEN
    RAISE EXCEPTION 'the row % of % was not deleted: a trigger or a rule of the table has kept it, or somebody has changed it meanwhile', pk, relation USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  RETURN true;
END
$function$;
--> statement-breakpoint
-- The part of audit_chain_forget that needs our owner's rights. Whoever calls it by himself takes away what only shows that a
-- row is as it was recorded: that is found.
CREATE OR REPLACE FUNCTION public.audit_chain_forget_salt(relation regclass, pk text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  event  text := public.audit_chain_event_key(config, pk);
BEGIN
  DELETE FROM public.audit_chain_salt AS s WHERE s.event_kind = config.kind AND s.event_pk = event;
  RETURN FOUND;
END
$function$;
--> statement-breakpoint
-- Takes away the salt of a row that is gone, whatever it has left by: what was recorded of it cannot be held against anything
-- any more. Needs the right to read the table. Returns whether there was a salt.
--
-- The salt goes first: who puts the row back has locked it before, and the row is seen; or waits for it, and makes another one.
CREATE OR REPLACE FUNCTION public.audit_chain_forget(relation regclass, pk text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  part  regclass;
  place tid;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'forgetting needs a READ COMMITTED transaction, this one is %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'invalid_transaction_state', HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  ELSIF NOT public.audit_chain_forget_salt(relation, pk) THEN
    RETURN false;
  END IF;
  FOR part IN SELECT relation UNION SELECT t.relid FROM pg_partition_tree(relation) AS t WHERE t.isleaf LOOP
    SELECT r.place INTO place FROM public.audit_chain_erasing_row(part, pk) AS r;
    IF place IS NOT NULL THEN
      RAISE EXCEPTION 'the row % of % is there', pk, relation USING ERRCODE = 'object_in_use', HINT = 'Erase it, or delete it where the table tracks changes.';
    END IF;
  END LOOP;
  RETURN true;
END
$function$;
--> statement-breakpoint
-- The event by which a row was erased, for whoever is to sign a statement of it: its table's kind, its key as events have it,
-- and its link. All NULL where its newest event is none of that role, or waits to be linked.
CREATE OR REPLACE FUNCTION public.audit_chain_erased(relation regclass, pk text, OUT kind text, OUT event_pk text, OUT seq bigint, OUT chain_hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  config public.audit_chain_config := public.audit_chain_attached(relation);
  newest record;
  event  text := public.audit_chain_event_key(config, pk);
BEGIN
  SELECT n.* INTO newest FROM public.audit_chain_newest(config.kind, event, public.audit_chain_keyed_since(config.kind)) AS n;
  IF newest.role = 'erase' THEN
    SELECT config.kind, event, c.seq, c.chain_hash INTO kind, event_pk, seq, chain_hash
      FROM public.audit_chain AS c
     WHERE c.event_kind = concat(config.kind, ':erase') AND c.event_pk > concat(event, '@') COLLATE "C" AND c.event_pk < concat(event, 'A') COLLATE "C"
       AND c.event_pk = concat(event, '@', c.seq)
     ORDER BY c.seq DESC LIMIT 1;
  END IF;
END
$function$;
--> statement-breakpoint
-- Hands the signed statement of an erasure to the next publication. The same one again changes nothing.
CREATE OR REPLACE FUNCTION public.audit_chain_hand_over(note text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF note IS NULL OR NOT starts_with(note, E'audit-chain.statement/v1\n') OR length(note) > 20000 THEN
    RAISE EXCEPTION 'that is no statement' USING ERRCODE = 'invalid_parameter_value', HINT = 'audit-chain erase makes one.';
  END IF;
  INSERT INTO public.audit_chain_handed (hash, note) VALUES (sha256(convert_to(note, 'UTF8')), note) ON CONFLICT DO NOTHING;
END
$function$;
--> statement-breakpoint
-- The link since which changes of a kind's rows are refused: an update or a delete that stands behind it was made past the
-- guard, and says nothing of what a row has to be. No link lies so far behind where changes are tracked.
CREATE OR REPLACE FUNCTION public.audit_chain_refused_since(kind text) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT coalesce(min(l.seq), 9223372036854775807)
    FROM public.audit_chain_config AS c JOIN public.audit_chain AS l ON l.event_kind = 'audit_chain_config' AND l.event_pk = c.id::text
   WHERE c.kind = audit_chain_refused_since.kind
     AND NOT EXISTS (SELECT FROM public.audit_chain_config AS d WHERE d.kind = c.kind AND d.id >= c.id AND d.changes <> 'refuse')
$function$;
--> statement-breakpoint
-- What a row has to be by the chain: its newest event that is no change past the guard.
CREATE OR REPLACE FUNCTION public.audit_chain_standing(
  kind text, pk text, OUT role text, OUT payload_hash bytea, OUT changed_at timestamptz, OUT seq bigint, OUT before_hash bytea)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT n.role, n.payload_hash, n.changed_at, n.seq, n.before_hash
    FROM public.audit_chain_newest(kind, pk, public.audit_chain_keyed_since(kind), public.audit_chain_refused_since(kind)) AS n
$function$;
--> statement-breakpoint
-- The table as it was attached: of a partition, the one that it belongs to.
CREATE OR REPLACE FUNCTION public.audit_chain_whole(relation regclass) RETURNS regclass
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (SELECT r.relid FROM public.audit_chain_relation AS r WHERE r.kind = (public.audit_chain_attached(relation)).kind);
END
$function$;
--> statement-breakpoint
-- The statement by which audit_chain_restore puts a row back: an INSERT, or an UPDATE of the row at the place $1 of the table
-- $2. `brought` is the row as a JSON object by the columns' names of now; a column is found by the name too that it was
-- recorded under. Every value is a literal in the text that its type reads, so that no cast is looked up.
--
-- Columns that are not covered are no part of what was recorded: they stay as they are, and a row that was missing gets what
-- was brought of them. A covered column that was not brought gets what older rows have in it, or NULL. Generated columns are
-- passed over.
CREATE OR REPLACE FUNCTION public.audit_chain_restoring_statement(config public.audit_chain_config, target regclass, brought json, is_missing boolean) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  qualified text := (SELECT concat(quote_ident(n.nspname), '.', quote_ident(c.relname)) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = target);
  named   text[];
  unknown text;
  names   text;
  texts   text;
  sets    text;
BEGIN
  IF json_typeof(brought) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a row is a JSON object of its columns' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  named := ARRAY(SELECT json_object_keys(brought));
  SELECT string_agg(quote_literal(b.name), ', ') INTO unknown
    FROM unnest(named) AS b(name)
   WHERE b.name <> ALL (config.members)
     AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname::text = b.name AND a.attnum > 0 AND NOT a.attisdropped);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION '% has no columns named %', target, unknown
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the columns as they are called now, or as they were recorded.';
  END IF;
  WITH columns AS (
    SELECT a.attname::text AS name, a.attnum, a.attidentity = 'a' AS is_given, config.members[array_position(config.columns, a.attname::text)] AS member,
           coalesce(nullif(t.typbasetype, 0), t.oid) IN ('json'::regtype, 'jsonb'::regtype) AS is_json
      FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
     WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  ), found AS (
    -- A name that a column has now is that column's, also where another one was recorded under it.
    SELECT c.*, CASE WHEN c.name = ANY (named) THEN c.name
                     WHEN c.member = ANY (named) AND NOT EXISTS (SELECT FROM columns AS o WHERE o.name = c.member) THEN c.member END AS key
      FROM columns AS c
  ), valued AS (
    SELECT f.*, CASE WHEN f.key IS NULL THEN quote_nullable(config.absent ->> f.member)
                     WHEN json_typeof(brought -> f.key) NOT IN ('array', 'object') OR f.is_json THEN quote_nullable(brought ->> f.key)
                     -- An array or a composite value, as row_to_json writes it.
                     ELSE format('(SELECT r.%I FROM pg_catalog.json_populate_record(NULL::%s, %L) AS r)', f.name, qualified, json_build_object(f.name, brought -> f.key)) END AS value
      FROM found AS f
  )
  SELECT string_agg(quote_ident(v.name), ', ' ORDER BY v.attnum) FILTER (WHERE v.key IS NOT NULL OR v.member IS NOT NULL),
         string_agg(v.value, ', ' ORDER BY v.attnum) FILTER (WHERE v.key IS NOT NULL OR v.member IS NOT NULL),
         string_agg(format('%I = %s', v.name, v.value), ', ' ORDER BY v.attnum) FILTER (WHERE v.member IS NOT NULL AND NOT v.is_given AND v.name <> ALL (config.key_columns))
    INTO names, texts, sets
    FROM valued AS v;
  RETURN CASE WHEN is_missing THEN format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', qualified, names, texts)
              ELSE format('UPDATE %s SET %s WHERE ctid OPERATOR(pg_catalog.=) $1 AND tableoid OPERATOR(pg_catalog.=) $2', qualified, sets) END;
END
$function$;
--> statement-breakpoint
-- The part of audit_chain_restore that comes before the change and needs our owner's rights: says what was recorded of a row
-- and how it is put back, and lets the guard of a table that refuses changes pass just that. `before_hash` is the payload hash
-- of the row that is there, NULL where there is none. Whoever calls it by himself may put back what he could restore.
--
-- A row that has left lawfully stays away.
CREATE OR REPLACE FUNCTION public.audit_chain_may_restore(relation regclass, pk text, before_hash bytea, brought json, OUT statement text, OUT recorded bytea)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  newest record;
  config public.audit_chain_config := public.audit_chain_attached(relation);
  event  text := public.audit_chain_event_key(config, pk);
BEGIN
  IF config.mode = 'stream' THEN
    -- What was changed past the guard is to be linked before what puts it back.
    PERFORM public.audit_chain_await_stream(config.kind);
  END IF;
  IF EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = config.kind AND p.event_pk = event AND p.conflict IS NULL) THEN
    RAISE EXCEPTION 'an event of the row % of % waits to be linked', pk, config.relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run audit-chain seal, and repeat this.';
  END IF;
  newest := public.audit_chain_standing(config.kind, event);
  IF newest.seq IS NULL THEN
    RAISE EXCEPTION 'nothing is recorded of a row % of %', pk, config.relation
      USING ERRCODE = 'no_data_found', HINT = 'The key is the row''s as text, of several columns a JSON array of their texts.';
  ELSIF newest.role IN ('delete', 'retire', 'erase') THEN
    RAISE EXCEPTION 'the row % of % % lawfully, which is seq %', pk, config.relation,
      CASE newest.role WHEN 'delete' THEN 'was deleted' WHEN 'retire' THEN 'was retired' ELSE 'was erased' END, newest.seq
      USING ERRCODE = 'AC004', HINT = 'Only a row that was changed or deleted past its trigger can be put back.';
  ELSIF newest.payload_hash = before_hash THEN
    RAISE EXCEPTION 'the row % of % is what was recorded at seq %: there is nothing to put back', pk, config.relation, newest.seq
      USING ERRCODE = 'object_not_in_prerequisite_state';
  ELSIF before_hash IS NULL AND config.retention IS NOT NULL
        AND newest.changed_at AT TIME ZONE 'UTC' < clock_timestamp() AT TIME ZONE 'UTC' - config.retention::interval THEN
    -- In UTC, where each day has 24 hours.
    RAISE EXCEPTION 'the row % of % is older than the retention of %, by which it may be gone', pk, config.relation, config.retention
      USING ERRCODE = 'AC004', HINT = 'A row that has left by its retention is not put back.';
  END IF;
  IF config.changes = 'refuse' AND before_hash IS NOT NULL THEN
    INSERT INTO public.audit_chain_leaving (event_kind, event_pk, payload_hash, role) VALUES (config.kind, event, newest.payload_hash, 'restore') ON CONFLICT DO NOTHING;
  END IF;
  recorded := newest.payload_hash;
  statement := public.audit_chain_restoring_statement(config, public.audit_chain_whole(relation), brought, before_hash IS NULL);
END
$function$;
--> statement-breakpoint
-- The part of audit_chain_restore that comes after the change and needs our owner's rights: holds the row as it is now
-- against what was recorded, and makes its event, of the role `restore`, in the place of what capture has made of the change.
-- Linked at commit in any mode: so it is never the sealer's alone to see.
--
-- Both hashes are the caller's words. Where triggers capture, they must bear him out; where the write-ahead log is captured,
-- it brings what he did, and an event that is not followed by that says nothing of the row but what was recorded already.
CREATE OR REPLACE FUNCTION public.audit_chain_restored(relation regclass, pk text, before_hash bytea, payload_hash bytea, OUT kind text, OUT seq bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  befores bytea[];
  afters  bytea[];
  config  public.audit_chain_config := public.audit_chain_attached(relation);
  event   text := public.audit_chain_event_key(config, pk);
  newest  record := public.audit_chain_standing(config.kind, event);
BEGIN
  IF newest.payload_hash IS DISTINCT FROM audit_chain_restored.payload_hash OR newest.role IN ('delete', 'retire', 'erase') THEN
    PERFORM public.audit_chain_another_row(config.relation::text, pk, audit_chain_restored.payload_hash, newest.payload_hash, newest.seq);
  END IF;
  WITH own AS (
    DELETE FROM public.audit_chain_pending AS p WHERE p.xid = pg_current_xact_id() AND p.event_kind = config.kind AND p.event_pk = event
    RETURNING p.id, p.before_hash, CASE WHEN p.op <> 'delete' THEN p.payload_hash END AS after
  )
  SELECT array_agg(o.before_hash ORDER BY o.id), array_agg(o.after ORDER BY o.id) INTO befores, afters FROM own AS o;
  IF newest.payload_hash = audit_chain_restored.before_hash OR config.mode <> 'stream' AND (
       befores IS NULL OR befores[1] IS DISTINCT FROM audit_chain_restored.before_hash OR afters[cardinality(afters)] IS DISTINCT FROM audit_chain_restored.payload_hash) THEN
    RAISE EXCEPTION 'capture has not seen the row % of % being put back', pk, config.relation
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Its triggers are missing or disabled: audit-chain init --repair puts them back.';
  END IF;
  INSERT INTO public.audit_chain_pending (mode, op, event_kind, event_pk, payload_hash, before_hash)
  VALUES ('strict', 'restore', config.kind, event, audit_chain_restored.payload_hash, audit_chain_restored.before_hash);
  INSERT INTO public.audit_chain_ticket DEFAULT VALUES ON CONFLICT DO NOTHING;
  kind := config.kind;
  seq := newest.seq;
END
$function$;
--> statement-breakpoint
-- Puts a row of an audited table back, that was changed or deleted past its trigger: `brought`, a JSON object of its columns,
-- from a backup. Only if the row then hashes to what its newest event says, since the chain keeps no values. Records an event
-- of the role `restore`. Needs the rights to read and to write the table. Returns the table's kind, the event whose row it is,
-- and the payload hashes of the row and of what was there before (NULL: no row).
--
-- The table's own triggers run in here: see audit_chain_retire. The row is judged as they leave it.
CREATE OR REPLACE FUNCTION public.audit_chain_restore(relation regclass, pk text, brought json, OUT kind text, OUT seq bigint, OUT payload_hash bytea, OUT before_hash bytea)
LANGUAGE plpgsql
AS $function$
DECLARE
  whole     regclass := public.audit_chain_whole(relation);
  part      oid;
  place     tid;
  statement text;
  rows      integer;
BEGIN
  SELECT r.part, r.place, r.payload_hash INTO part, place, before_hash FROM public.audit_chain_erasing_row(whole, pk) AS r;
  IF place IS NOT NULL AND before_hash IS NULL THEN
    RAISE EXCEPTION 'the salt of the row % of % is gone: nothing shows what was recorded of it', pk, whole USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Put it back into public.audit_chain_salt from a backup first.';
  END IF;
  SELECT m.statement, m.recorded INTO statement, payload_hash FROM public.audit_chain_may_restore(whole, pk, before_hash, brought) AS m;
  EXECUTE statement USING place, part;
  GET DIAGNOSTICS rows = ROW_COUNT;
  IF rows OPERATOR(pg_catalog.<>) 1 THEN
    RAISE EXCEPTION 'the row % of % was not put back: a trigger or a rule of the table has kept it away, or somebody has changed it meanwhile', pk, whole USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  SELECT r.payload_hash INTO payload_hash FROM public.audit_chain_erasing_row(whole, pk) AS r;
  SELECT r.kind, r.seq INTO kind, seq FROM public.audit_chain_restored(whole, pk, before_hash, payload_hash) AS r;
END
$function$;
--> statement-breakpoint
-- Writes the position, the one behind `before`. The caller holds the chain's lock. A session that has switched
-- synchronous_commit off waits all the same: nothing is acknowledged to the log's server that a crash could take back.
CREATE OR REPLACE FUNCTION public.audit_chain_put_position(
  before bigint, slot text, publications text[], linked_to pg_lsn, within pg_lsn, changes integer) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
BEGIN
  INSERT INTO public.audit_chain_position (id, slot, publications, system_identifier, timeline, database, linked_to, within, changes, written_at)
  VALUES (coalesce(before, 0) + 1, slot, publications, (SELECT c.system_identifier FROM pg_control_system() AS c),
          ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer,
          (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()), linked_to, within, changes, clock_timestamp());
  DELETE FROM public.audit_chain_position AS p WHERE p.id = before;
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  RETURN coalesce(before, 0) + 1;
END
$function$;
--> statement-breakpoint
-- Begins to follow the write-ahead log through a slot, from `linked_to` on; `before` is the id of the position that was
-- found, NULL where there was none. What was written since `missed_from` may never have been linked: that is an event,
-- audit_chain_gap, and stays one; its key says from where to where. NULL where nothing was missed, which is not believed
-- where the position that was found holds for another place, slot, server or database.
CREATE OR REPLACE FUNCTION public.audit_chain_follow(before bigint, slot text, publications text[], linked_to pg_lsn, missed_from text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  old  public.audit_chain_position;
  new  public.audit_chain_position;
  added bigint;
  size bigint;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  SELECT p.* INTO old FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
  IF old.id IS DISTINCT FROM before THEN
    RAISE EXCEPTION 'the position % is not the newest', before USING ERRCODE = 'object_in_use', HINT = 'Another capture process is running. Let one run.';
  ELSIF linked_to IS NULL OR slot IS NULL OR cardinality(publications) > 0 IS NOT TRUE THEN
    RAISE EXCEPTION 'a slot, publications and a position are needed' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  added := public.audit_chain_put_position(before, slot, publications, linked_to,
    CASE WHEN old.linked_to = linked_to THEN old.within END, CASE WHEN old.linked_to = linked_to THEN old.changes ELSE 0 END);
  SELECT p.* INTO new FROM public.audit_chain_position AS p WHERE p.id = added;
  IF missed_from IS NOT NULL OR (old.slot, old.system_identifier, old.database, old.linked_to) IS DISTINCT FROM (new.slot, new.system_identifier, new.database, new.linked_to)
     AND (old.id IS NOT NULL OR EXISTS (SELECT FROM public.audit_chain_config AS c WHERE c.mode = 'stream')) THEN
    size := public.audit_chain_extend(ARRAY['audit_chain_gap'::text], ARRAY[concat(coalesce(missed_from, old.linked_to::text, 'unknown'), ' ', new.linked_to, ' ', new.id)],
      ARRAY[sha256(convert_to(concat(old.slot, ' ', old.system_identifier, ' ', old.linked_to, ' ', new.slot, ' ', new.system_identifier, ' ', new.linked_to), 'UTF8'))],
      NULL::bytea[], NULL::text[]);
  END IF;
  RETURN added;
END
$function$;
--> statement-breakpoint
-- Fills in what a change was not sent with: the row before, for which the newest event of its key is taken. So it is with
-- partitions that came since their table was attached, until sync has given them REPLICA IDENTITY FULL. A deletion has no
-- payload hash then either; where there is nothing to presume it gets one that stands for nothing, and audit_chain_judge
-- drops it.
CREATE OR REPLACE FUNCTION public.audit_chain_presume(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], ops text[], OUT payloads bytea[], OUT befores bytea[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
  WITH event AS (
    SELECT e.*, row_number() OVER own AS number, lag(CASE WHEN e.op <> 'delete' THEN e.payload END) OVER own AS after_before
      FROM unnest(kinds, pks, payload_hashes, before_hashes, ops) WITH ORDINALITY AS e(kind, pk, payload, before, op, n)
    WINDOW own AS (PARTITION BY e.kind, e.pk ORDER BY e.n)
  ), keyed AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_keyed_since(k.kind) AS since FROM (SELECT DISTINCT e.kind FROM event AS e) AS k
  ), presumed AS MATERIALIZED (
    SELECT e.n, e.payload,
           CASE WHEN e.op = 'insert' OR e.before IS NOT NULL THEN e.before
                WHEN e.number > 1 THEN e.after_before
                ELSE public.audit_chain_newest_hash(e.kind, e.pk, k.since) END AS before
      FROM event AS e JOIN keyed AS k ON k.kind = e.kind
  )
  SELECT array_agg(coalesce(p.payload, p.before, sha256(''::bytea)) ORDER BY p.n), array_agg(p.before ORDER BY p.n) FROM presumed AS p
$function$;
--> statement-breakpoint
-- What each event of a batch from the write-ahead log is, in the batch's order: `known` where the chain has it already or
-- nothing is to be recorded, else its role, NULL for a key's first event.
CREATE OR REPLACE FUNCTION public.audit_chain_judge(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], ops text[], OUT n bigint, OUT role text) RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
  WITH keyed AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_keyed_since(k.kind) AS since FROM (SELECT DISTINCT u.kind FROM unnest(kinds) AS u(kind)) AS k
  ), event AS (
    SELECT e.*, CASE WHEN e.op <> 'delete' THEN e.payload END AS after
      FROM unnest(kinds, pks, payload_hashes, before_hashes, ops) WITH ORDINALITY AS e(kind, pk, payload, before, op, n)
  ), placed AS (
    SELECT e.*, row_number() OVER own AS number, lag(e.after) OVER own AS after_before,
           coalesce(bool_or(e.op = 'insert') OVER (PARTITION BY e.kind, e.pk ORDER BY e.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), false) AS is_there
      FROM event AS e WINDOW own AS (PARTITION BY e.kind, e.pk ORDER BY e.n)
  )
  SELECT p.n,
         CASE p.op
           WHEN 'insert' THEN
             CASE WHEN NOT p.is_there AND NOT EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = p.kind AND c.event_pk = p.pk) THEN NULL
                  WHEN CASE WHEN p.number > 1 THEN p.after_before ELSE public.audit_chain_newest_hash(p.kind, p.pk, k.since) END = p.payload THEN 'known'
                  ELSE 'insert' END
           WHEN 'delete' THEN
             CASE WHEN p.before IS NULL THEN 'known'
                  WHEN NOT p.is_there
                       AND (SELECT l.role IN ('retire', 'erase') AND l.payload_hash = p.before FROM public.audit_chain_newest(p.kind, p.pk, k.since) AS l) THEN 'known'
                  ELSE 'delete' END
           ELSE
             CASE WHEN p.before = p.payload THEN 'known'
                  WHEN p.number = 1
                       AND (SELECT l.role = 'restore' AND l.payload_hash = p.payload AND l.before_hash = p.before FROM public.audit_chain_newest(p.kind, p.pk, k.since) AS l) THEN 'known'
                  ELSE p.op END END
    FROM placed AS p JOIN keyed AS k ON k.kind = p.kind ORDER BY p.n
$function$;
--> statement-breakpoint
-- Which events of a batch from the write-ahead log do not go on from what the chain has: of a change, the row before is not
-- the one that was recorded last; where a row is inserted, there is one already. Somebody has changed the row by what the log
-- does not show, or has kept its changes from us. It is the verifier's `change_unrecorded`, at once.
--
-- `roles` are those that the events get; they are not linked yet. Returns an element for each event; NULL where none is so.
-- Nothing is said of a row that was recorded under another shape than its table has now: it is to be recorded anew.
CREATE OR REPLACE FUNCTION public.audit_chain_unexpected(
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], roles text[]) RETURNS boolean[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $function$
  WITH event AS (
    SELECT e.*, row_number() OVER own AS number,
           lag(CASE WHEN e.role IS DISTINCT FROM 'delete' THEN e.payload END) OVER own AS after_before
      FROM unnest(kinds, pks, payload_hashes, before_hashes, roles) WITH ORDINALITY AS e(kind, pk, payload, before, role, n)
    WINDOW own AS (PARTITION BY e.kind, e.pk ORDER BY e.n)
  ), keyed AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_keyed_since(k.kind) AS since FROM (SELECT DISTINCT e.kind FROM event AS e WHERE e.role IS NOT NULL) AS k
  ), odd AS MATERIALIZED (
    SELECT e.n, e.kind, e.pk, e.number
      FROM event AS e JOIN keyed AS k ON k.kind = e.kind
     WHERE e.role IS NOT NULL
       AND CASE WHEN e.role <> 'insert' THEN e.before END IS DISTINCT FROM
           CASE WHEN e.number > 1 THEN e.after_before ELSE public.audit_chain_newest_hash(e.kind, e.pk, k.since) END
  ), shape AS MATERIALIZED (
    SELECT k.kind, public.audit_chain_shaped_since(k.kind) AS since
      FROM (SELECT DISTINCT o.kind FROM odd AS o) AS k
      JOIN public.audit_chain_relation AS r ON r.kind = k.kind
     CROSS JOIN LATERAL (SELECT c.* FROM public.audit_chain_config AS c WHERE c.kind = k.kind ORDER BY c.id DESC LIMIT 1) AS g
     WHERE NOT public.audit_chain_types_changed(r.relid, g.columns, g.column_types)
       AND NOT EXISTS (
         SELECT FROM unnest(g.columns) AS u(name)
          WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = r.relid AND a.attname::text = u.name AND NOT a.attisdropped))
  ), judged AS (
    SELECT o.n
      FROM odd AS o JOIN shape AS s ON s.kind = o.kind
     WHERE o.number > 1 OR s.since = 0 OR (SELECT l.payload_hash IS NOT NULL FROM public.audit_chain_newest(o.kind, o.pk, s.since) AS l)
  )
  SELECT CASE WHEN EXISTS (SELECT FROM judged) THEN array_agg(j.n IS NOT NULL ORDER BY e.n) END
    FROM event AS e LEFT JOIN judged AS j ON j.n = e.n
$function$;
--> statement-breakpoint
-- The door of the mode `stream`: links a batch of what the write-ahead log has brought, in the log's order, together with
-- the position behind it. `before` is the id of the position that the batch goes on from; with any other, nothing is
-- linked: so each change is linked once, whatever happens to whom in between. Returns the seq of each event, negative
-- where it does not go on from what the chain has (audit_chain_unexpected), NULL for what is linked already, and the new
-- position's id as the last element.
--
-- `ops` are insert, update or delete. An insert of a key that has events is one of them; where the newest of these is the
-- same row, it is in the chain already (a backfill has been faster). A deletion for which a door has made its own event
-- is that one, and so is a change by which audit_chain_restore has put a row back. A change without its row of before comes from a partition that does not send it yet (audit_chain_presume).
CREATE OR REPLACE FUNCTION public.audit_chain_stream(
  before bigint, linked_to pg_lsn, within pg_lsn, changes integer,
  kinds text[], pks text[], payload_hashes bytea[], before_hashes bytea[], ops text[]) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link and audit_chain_adopt.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  old   public.audit_chain_position;
  item  record;
  roles text[];
  seqs  bigint[] := '{}';
  size  bigint;
  odd   boolean[];
  n     CONSTANT integer := cardinality(kinds);
  is_plain boolean := true;
  has_restored boolean := false;
BEGIN
  PERFORM public.audit_chain_lock_chain();
  SELECT p.* INTO old FROM public.audit_chain_position AS p ORDER BY p.id DESC LIMIT 1;
  IF old.id IS DISTINCT FROM before OR old.id IS NULL THEN
    RAISE EXCEPTION 'the position % is not the newest', before USING ERRCODE = 'object_in_use', HINT = 'Another capture process is running. Let one run.';
  ELSIF old.system_identifier <> (SELECT c.system_identifier FROM pg_control_system() AS c)
     OR old.database <> (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()) THEN
    RAISE EXCEPTION 'the position is one of another server or database' USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Start the capture process again: it begins anew, and records the gap.';
  ELSIF linked_to < old.linked_to IS NOT FALSE THEN
    RAISE EXCEPTION 'the position % lies before %', linked_to, old.linked_to USING ERRCODE = 'invalid_parameter_value';
  ELSIF n > 0 THEN
    FOR item IN SELECT k.kind, c.mode, c.changes, c.blind_key, c.action
                  FROM (SELECT DISTINCT u.kind FROM unnest(kinds) AS u(kind)) AS k
                  LEFT JOIN LATERAL (SELECT g.* FROM public.audit_chain_config AS g WHERE g.kind = k.kind ORDER BY g.id DESC LIMIT 1) AS c ON true
    LOOP
      IF item.mode <> 'stream' IS NOT FALSE THEN
        RAISE EXCEPTION '% is no kind of a table in the mode stream', quote_literal(item.kind) USING ERRCODE = 'AC003', HINT = 'audit-chain status lists the tables that are.';
      END IF;
      IF item.blind_key THEN
        SELECT array_agg(CASE WHEN e.kind = item.kind THEN public.audit_chain_blind_key(s.secret, e.pk) ELSE e.pk END ORDER BY e.n) INTO pks
          FROM unnest(kinds, pks) WITH ORDINALITY AS e(kind, pk, n) LEFT JOIN public.audit_chain_secret AS s ON s.event_kind = e.kind;
      END IF;
      is_plain := is_plain AND NOT (item.changes = 'refuse' AND 'delete' = ANY (ops));
      has_restored := has_restored OR EXISTS (SELECT FROM public.audit_chain AS c WHERE c.event_kind = concat(item.kind, ':restore'))
                                   OR EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = item.kind AND p.op = 'restore');
    END LOOP;
    IF array_remove(ops, 'insert') <> '{}' AND EXISTS (SELECT FROM unnest(ops, before_hashes) AS e(op, before) WHERE e.op <> 'insert' AND e.before IS NULL) THEN
      SELECT p.payloads, p.befores INTO payload_hashes, before_hashes FROM public.audit_chain_presume(kinds, pks, payload_hashes, before_hashes, ops) AS p;
      is_plain := false;
    END IF;
    IF has_restored THEN
      is_plain := is_plain AND NOT EXISTS (
        SELECT FROM public.audit_chain_pending AS p WHERE p.op = 'restore' AND p.event_kind = ANY (kinds)
        UNION ALL
        SELECT FROM unnest(kinds, pks) AS e(kind, pk) CROSS JOIN LATERAL (
          SELECT FROM public.audit_chain AS c
           WHERE c.event_kind = concat(e.kind, ':restore') AND c.event_pk > concat(e.pk, '@') COLLATE "C" AND c.event_pk < concat(e.pk, 'A') COLLATE "C" LIMIT 1) AS r);
    END IF;
    PERFORM public.audit_chain_check_events(kinds, pks, payload_hashes);
    roles := array_replace(ops, 'insert', NULL);
    IF is_plain THEN
      BEGIN
        odd := CASE WHEN array_remove(roles, NULL) <> '{}' THEN public.audit_chain_unexpected(kinds, pks, payload_hashes, before_hashes, roles) END;
        size := public.audit_chain_extend(kinds, pks, payload_hashes, before_hashes, roles);
        seqs := ARRAY(SELECT CASE WHEN odd[s.place] THEN -(size - n + s.place) ELSE size - n + s.place END FROM generate_series(1, n) AS s(place));
      EXCEPTION WHEN unique_violation THEN
        is_plain := false;
      END;
    END IF;
    IF NOT is_plain THEN
      -- A door's own event comes before what the log has behind it.
      IF EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.op IN ('retire', 'erase', 'restore') AND p.event_kind = ANY (kinds) AND p.conflict IS NULL) THEN
        PERFORM public.audit_chain_link_all();
      END IF;
      SELECT array_agg(j.role ORDER BY j.n), array_agg(CASE WHEN j.role IS DISTINCT FROM 'known' THEN j.n END ORDER BY j.n)
        INTO roles, seqs
        FROM public.audit_chain_judge(kinds, pks, payload_hashes, before_hashes, ops) AS j;
      SELECT array_agg(e.kind ORDER BY e.n), array_agg(e.pk ORDER BY e.n), array_agg(e.payload ORDER BY e.n), array_agg(e.before ORDER BY e.n), array_agg(e.role ORDER BY e.n)
        INTO kinds, pks, payload_hashes, before_hashes, roles
        FROM unnest(kinds, pks, payload_hashes, before_hashes, roles, seqs) WITH ORDINALITY AS e(kind, pk, payload, before, role, place, n)
       WHERE e.place IS NOT NULL;
      IF kinds IS NOT NULL THEN
        odd := CASE WHEN array_remove(roles, NULL) <> '{}' THEN public.audit_chain_unexpected(kinds, pks, payload_hashes, before_hashes, roles) END;
        size := public.audit_chain_extend(kinds, pks, payload_hashes, before_hashes, roles);
        SELECT array_agg(CASE WHEN s.place IS NOT NULL THEN (size - cardinality(kinds) + s.number) * CASE WHEN odd[s.number] THEN -1 ELSE 1 END END ORDER BY s.n) INTO seqs
          FROM (SELECT u.place, u.n, count(u.place) OVER (ORDER BY u.n) AS number FROM unnest(seqs) WITH ORDINALITY AS u(place, n)) AS s;
      END IF;
    END IF;
  END IF;
  RETURN seqs || public.audit_chain_put_position(before, old.slot, old.publications, linked_to, within, changes);
END
$function$;
--> statement-breakpoint
-- Records rows of an audited table anew, as they are covered now: the publisher's door. For each key it appends an event
-- of the role `record` with the payload hash of the row; its before_hash is the hash of the event that the row was
-- compared with. Keys are those of events, so blinded ones where the table's are.
--
-- `as_of` is the last link that the caller has seen. A key that has got a newer event since, or has one that waits to be
-- linked, is passed over, or what is older would stand behind what is newer. Returns the chain's new size, which is
-- `as_of` of the next call, how many rows were recorded, and all keys of the kind with a newer event: also keys that come
-- in a later call.
CREATE OR REPLACE FUNCTION public.audit_chain_record(
  kind text, pks text[], payload_hashes bytea[], before_hashes bytea[], as_of bigint,
  OUT size bigint, OUT recorded integer, OUT changed text[])
LANGUAGE plpgsql SECURITY DEFINER
-- See audit_chain_link: links are found by the index.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
  config public.audit_chain_config;
  kinds  text[];
BEGIN
  IF cardinality(pks) <> cardinality(payload_hashes) OR cardinality(pks) <> cardinality(before_hashes) THEN
    RAISE EXCEPTION 'pks, payload_hashes and before_hashes must have the same number of elements, they have %, % and %',
      cardinality(pks), cardinality(payload_hashes), cardinality(before_hashes) USING ERRCODE = 'invalid_parameter_value';
  END IF;
  config := public.audit_chain_in_force(kind);
  IF config.id IS NULL OR config.action = 'detach' OR starts_with(kind, 'audit_chain') THEN
    RAISE EXCEPTION 'no table is attached under the kind %', quote_literal(kind) USING ERRCODE = 'AC002', HINT = 'Attach the table first.';
  END IF;
  kinds := array_fill(kind, ARRAY[cardinality(pks)]);
  PERFORM public.audit_chain_check_events(kinds, pks, payload_hashes);
  PERFORM public.audit_chain_lock_chain();
  -- Everything since `as_of`, by seq: among all of the kind's events, found by its index, a batch would take as long as what has
  -- been recorded already (100,000 rows: 15 us a row at first and 24 at last; this way 10 to 12 from first to last).
  SELECT coalesce(array_agg(DISTINCT CASE WHEN c.event_kind = kind THEN c.event_pk ELSE left(c.event_pk, -length(concat('@', c.seq))) END), '{}')
    INTO changed
    FROM (SELECT a.seq, a.event_kind, a.event_pk FROM public.audit_chain AS a WHERE a.seq > as_of ORDER BY a.seq OFFSET 0) AS c
   WHERE c.event_kind IN (kind, concat(kind, ':insert'), concat(kind, ':update'), concat(kind, ':delete'), concat(kind, ':record'), concat(kind, ':retire'), concat(kind, ':erase'), concat(kind, ':restore'));
  IF cardinality(changed) = 0 AND array_dims(pks) = array_dims(kinds) AND array_dims(payload_hashes) = array_dims(kinds)
     AND array_dims(before_hashes) = array_dims(kinds)
     AND NOT EXISTS (SELECT FROM public.audit_chain_pending AS p WHERE p.event_kind = kind AND p.conflict IS NULL) THEN
    -- Nothing has happened to the table meanwhile: nearly always. To choose among the rows takes 4 us each.
    recorded := cardinality(pks);
  ELSE
    SELECT array_agg(e.pk ORDER BY e.n), array_agg(e.payload_hash ORDER BY e.n), array_agg(e.before_hash ORDER BY e.n)
      INTO pks, payload_hashes, before_hashes
      FROM unnest(pks, payload_hashes, before_hashes) WITH ORDINALITY AS e(pk, payload_hash, before_hash, n)
     WHERE e.pk NOT IN (SELECT k FROM unnest(changed) AS k)
       AND e.pk NOT IN (SELECT p.event_pk FROM public.audit_chain_pending AS p WHERE p.event_kind = kind AND p.conflict IS NULL);
    recorded := coalesce(cardinality(pks), 0);
  END IF;
  IF recorded = 0 THEN
    SELECT c.seq INTO size FROM public.audit_chain AS c ORDER BY c.seq DESC LIMIT 1;
    RETURN;
  END IF;
  size := public.audit_chain_extend(kinds[1:recorded], pks, payload_hashes, before_hashes, array_fill('record'::text, ARRAY[recorded]));
END
$function$;
--> statement-breakpoint
-- Chains the hash of a statement that the publisher has signed and puts into the sinks: its key is the hash in lower-case
-- hex. The same one again returns the link that is there.
CREATE OR REPLACE FUNCTION public.audit_chain_statement(note_hash bytea) RETURNS public.audit_chain
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  pk   text := encode(note_hash, 'hex');
  link public.audit_chain;
  size bigint;
BEGIN
  PERFORM public.audit_chain_check_event('audit_chain_statement'::text, pk, note_hash);
  PERFORM public.audit_chain_lock_chain();
  SELECT c.* INTO link FROM public.audit_chain AS c WHERE c.event_kind = 'audit_chain_statement' AND c.event_pk = pk;
  IF NOT FOUND THEN
    size := public.audit_chain_extend(ARRAY['audit_chain_statement'::text], ARRAY[pk], ARRAY[note_hash], NULL::bytea[], NULL::text[]);
    SELECT c.* INTO link FROM public.audit_chain AS c WHERE c.seq = size;
  END IF;
  RETURN link;
END
$function$;
--> statement-breakpoint
-- Records what init --repair has mended, by what it is, and as what it was found: in the configuration, whose every row is
-- chained. For our owner only.
CREATE OR REPLACE FUNCTION public.audit_chain_repaired(repaired jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM public.audit_chain_lock_chain();
  PERFORM public.audit_chain_link_all();
  INSERT INTO public.audit_chain_config
    (id, recorded_at, actor, action, kind, relation, key_columns, columns, column_types, excluded, changes, mode, complete, repaired)
  SELECT coalesce(max(c.id), 0) + 1, clock_timestamp(), session_user, 'repair', 'audit_chain_config', 'public.audit_chain_config',
         '{id}', '{}', '{}', '{}', 'refuse', 'strict', true, audit_chain_repaired.repaired
    FROM public.audit_chain_config AS c;
  PERFORM public.audit_chain_link(pg_current_xact_id(), 10000);
END
$function$;
--> statement-breakpoint
-- Guards and capture of our own tables, owners and rights. Everything belongs to a role that nobody can become.
INSERT INTO public.audit_chain_lock DEFAULT VALUES;
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain_config FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE TRIGGER audit_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON public.audit_chain_secret FOR EACH STATEMENT EXECUTE FUNCTION public.audit_chain_append_only();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audit_chain_commit AFTER INSERT OR DELETE ON public.audit_chain_ticket DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_chain_commit();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER audit_chain_leaving_end AFTER INSERT ON public.audit_chain_leaving DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_chain_leaving_end();
--> statement-breakpoint
-- What a replica has captured (a trigger of its own that is ENABLE ALWAYS) is linked there too.
ALTER TABLE public.audit_chain_ticket ENABLE ALWAYS TRIGGER audit_chain_commit;
--> statement-breakpoint
SELECT public.audit_chain_capture_function('audit_chain_config'::text, 'public.audit_chain_config'::text, ARRAY['id'::text],
  public.audit_chain_covered_columns('public.audit_chain_config'::regclass, '{}'::text[]), public.audit_chain_covered_columns('public.audit_chain_config'::regclass, '{}'::text[]), '{}'::jsonb, 'refuse'::text, 'strict'::text, false, false, false);
--> statement-breakpoint
DO $capture$
BEGIN
  EXECUTE format('CREATE TRIGGER audit_chain_capture AFTER INSERT ON public.audit_chain_config REFERENCING NEW TABLE AS audit_chain_new FOR EACH STATEMENT EXECUTE FUNCTION public.%I()',
    public.audit_chain_capture_name('audit_chain_config'::text));
END
$capture$;
--> statement-breakpoint
DO $rights$
DECLARE
  item record;
  who  record;
BEGIN
  -- Whatever the installer's default privileges have granted is taken back, from roles and from PUBLIC.
  FOR item IN
    SELECT 'FUNCTION' AS type, p.oid::regprocedure::text AS name, p.proowner AS owner
      FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname::text, 'audit_chain')
    UNION ALL
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relowner
      FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND starts_with(c.relname::text, 'audit_chain') AND c.relkind IN ('r', 'S')
     ORDER BY 1 DESC
  LOOP
    IF item.owner NOT IN (SELECT r.oid FROM pg_roles AS r WHERE r.rolname IN (current_user, 'scidex_audit_owner')) THEN
      RAISE EXCEPTION '% % belongs to %, not to the audit chain', lower(item.type), item.name, item.owner::regrole
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Someone made it in advance. Find out why, drop it, and run the set-up again.';
    END IF;
    -- A sequence goes with its table.
    IF item.type <> 'SEQUENCE' THEN
      EXECUTE format('ALTER %s %s OWNER TO scidex_audit_owner', item.type, item.name);
    END IF;
    EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC', item.type, item.name);
  END LOOP;
  FOR who IN
    SELECT DISTINCT 'FUNCTION' AS type, p.oid::regprocedure::text AS name, a.grantee::regrole::text AS grantee
      FROM pg_proc AS p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
     WHERE p.pronamespace = 'public'::regnamespace AND starts_with(p.proname::text, 'audit_chain') AND a.grantee NOT IN (0, p.proowner)
    UNION
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, a.grantee::regrole::text
      FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
     WHERE c.relnamespace = 'public'::regnamespace AND starts_with(c.relname::text, 'audit_chain') AND c.relkind IN ('r', 'S') AND a.grantee NOT IN (0, c.relowner)
  LOOP
    EXECUTE format('REVOKE ALL ON %s %s FROM %s CASCADE', who.type, who.name, who.grantee);
  END LOOP;
END
$rights$;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain TO scidex_audit_ro, scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_pending, public.audit_chain_config, public.audit_chain_secret, public.audit_chain_salt, public.audit_chain_migrations TO scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
-- What steers linking has to be verified too: a ticket that was made in advance keeps a transaction from being linked.
GRANT SELECT ON public.audit_chain_relation, public.audit_chain_ticket, public.audit_chain_leaving, public.audit_chain_lock TO scidex_audit_inspector;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_append(text, text, bytea), public.audit_chain_append_many(text[], text[], bytea[]), public.audit_chain_enqueue(text, text, bytea) TO scidex_audit_writer;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_blind_key(bytea, text) TO scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_salted(text, text, text), public.audit_chain_seal(integer), public.audit_chain_record(text, text[], bytea[], bytea[], bigint), public.audit_chain_statement(bytea) TO scidex_audit_publisher;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_position TO scidex_audit_publisher, scidex_audit_inspector, scidex_audit_capture;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_config, public.audit_chain_relation TO scidex_audit_capture;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_follow(bigint, text, text[], pg_lsn, text), public.audit_chain_stream(bigint, pg_lsn, pg_lsn, integer, text[], text[], bytea[], bytea[], text[]) TO scidex_audit_capture;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_retire(regclass, interval, integer, tid), public.audit_chain_may_retire(regclass, interval, text[], bytea[]), public.audit_chain_leaving_rows(regclass, integer, tid), public.audit_chain_leaving_source(regclass) TO scidex_audit_retention;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_row_hash(regclass, text, text), public.audit_chain_forget(regclass, text), public.audit_chain_forget_salt(regclass, text) TO scidex_audit_retention;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_erase(regclass, text), public.audit_chain_may_erase(regclass, text, bytea), public.audit_chain_erasing_row(regclass, text), public.audit_chain_erasing_source(regclass, text), public.audit_chain_erased(regclass, text), public.audit_chain_hand_over(text) TO scidex_audit_retention;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION public.audit_chain_restore(regclass, text, json), public.audit_chain_whole(regclass), public.audit_chain_may_restore(regclass, text, bytea, json), public.audit_chain_restored(regclass, text, bytea, bytea) TO scidex_audit_retention;
--> statement-breakpoint
GRANT SELECT ON public.audit_chain_handed TO scidex_audit_publisher, scidex_audit_inspector;
--> statement-breakpoint
-- A senate_alerts of the platform's own may have another key, or belong to someone who has to grant this himself: the
-- set-up goes on, and says so.
DO $alerts$
DECLARE
  sequence text;
BEGIN
  GRANT INSERT ON public.senate_alerts TO scidex_audit_alert;
  SELECT d.objid::regclass::text INTO sequence
    FROM pg_attribute AS a JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
    JOIN pg_class AS s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
   WHERE a.attrelid = 'public.senate_alerts'::regclass AND a.attname = 'id' AND d.deptype = 'a';
  IF sequence IS NOT NULL THEN
    EXECUTE format('GRANT USAGE ON SEQUENCE %s TO scidex_audit_alert', sequence);
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$alerts$;
--> statement-breakpoint
-- The verifier has each of its plans sent to it, and the server's own log gets them too, unless the session may say
-- otherwise. Since PostgreSQL 15; only a superuser can grant it.
DO $quiet$
BEGIN
  IF current_setting('server_version_num')::integer >= 150000 THEN
    EXECUTE 'GRANT SET ON PARAMETER log_min_messages TO scidex_audit_ro, scidex_audit_inspector, scidex_audit_publisher';
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  NULL;
END
$quiet$;
