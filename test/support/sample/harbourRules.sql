-- What stands on the data: constraints, indexes, code, views, privileges and comments.
SET search_path = harbour, billing, public;

-- Foreign keys: cyclic (ships and crew), to themselves, composite, deferrable, not valid ------------------------------
ALTER TABLE ships ADD CONSTRAINT ships_flag_fkey FOREIGN KEY (flag) REFERENCES countries;
ALTER TABLE ships ADD CONSTRAINT ships_captain_fkey FOREIGN KEY (captain_id) REFERENCES crew DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE crew ADD CONSTRAINT crew_ship_fkey FOREIGN KEY (ship_id) REFERENCES ships ON DELETE SET NULL;
ALTER TABLE crew ADD CONSTRAINT crew_reports_to_fkey FOREIGN KEY (reports_to) REFERENCES crew DEFERRABLE;
ALTER TABLE crew_medical ADD FOREIGN KEY (crew_id) REFERENCES crew ON DELETE CASCADE;
ALTER TABLE reservations ADD FOREIGN KEY (berth_id) REFERENCES berths ON UPDATE CASCADE, ADD FOREIGN KEY (ship_id) REFERENCES ships;
ALTER TABLE voyages ADD FOREIGN KEY (ship_id) REFERENCES ships, ADD FOREIGN KEY (origin) REFERENCES countries;
ALTER TABLE container_contents ADD FOREIGN KEY (container) REFERENCES containers;
ALTER TABLE billing.customers ADD FOREIGN KEY (parent_id) REFERENCES billing.customers;
ALTER TABLE billing.invoices ADD FOREIGN KEY (customer_id) REFERENCES billing.customers;
ALTER TABLE billing.invoice_lines ADD FOREIGN KEY (invoice_id) REFERENCES billing.invoices ON DELETE CASCADE;
-- Both of these are broken by rows that were there before: validating them would fail.
ALTER TABLE voyages ADD CONSTRAINT voyages_destination_known CHECK (destination <> 'BC') NOT VALID;
ALTER TABLE incidents_injury ADD CONSTRAINT injury_of_known_crew FOREIGN KEY (crew_id) REFERENCES crew NOT VALID;
INSERT INTO billing.invoices (customer_id, issued, due) VALUES (0, '2024-01-01', '2024-01-02');
-- @from 11
ALTER TABLE movements ADD CONSTRAINT movements_pkey PRIMARY KEY (id, moved_at);
ALTER TABLE movements ADD FOREIGN KEY (container) REFERENCES containers;
CREATE INDEX movements_container ON movements (container);
CREATE INDEX berths_covering ON berths ("order") INCLUDE (code, depth);
-- @end
-- @before 11
CREATE INDEX movements_2025_container ON movements_2025 (container);
-- @end
-- @from 15
CREATE UNIQUE INDEX customers_name_parent ON billing.customers (name, parent_id) NULLS NOT DISTINCT;
-- @end

-- Indexes: partial, expression, GIN, GiST, BRIN, hash, operator classes, a clustered and a replica identity one --------
CREATE INDEX ships_name_trgm ON ships USING gin (name gin_trgm_ops);
CREATE INDEX ships_properties ON ships USING gin (properties);
CREATE INDEX ships_position ON ships USING gist (position);
CREATE INDEX ships_lower_name ON ships (lower(name) text_pattern_ops, kind DESC NULLS LAST);
CREATE INDEX crew_contact ON crew (contact) WHERE contact IS NOT NULL;
CREATE INDEX voyages_log ON voyages USING gin (log jsonb_path_ops);
CREATE INDEX voyages_log_text ON voyages USING gin (log_text) WITH (fastupdate = off);
CREATE INDEX movements_2025_moved_at ON movements_2025 USING brin (moved_at) WITH (pages_per_range = 16);
CREATE INDEX containers_owner ON containers USING hash (owner_uuid);
CREATE UNIQUE INDEX "berths code, once per state" ON berths (code COLLATE "C", (closed IS TRUE)) WHERE depth > 1;
CREATE INDEX documents_tags ON documents USING gin (tags);
CREATE UNIQUE INDEX audit_line ON billing.audit (at_line);
ALTER TABLE billing.audit REPLICA IDENTITY USING INDEX audit_line;
ALTER TABLE no_key REPLICA IDENTITY FULL;
ALTER TABLE containers CLUSTER ON containers_pkey;
ALTER TABLE containers ALTER COLUMN owner_uuid SET STATISTICS 500;
ALTER TABLE documents SET (fillfactor = 90, autovacuum_enabled = false);
CREATE STATISTICS voyages_route (ndistinct, dependencies) ON origin, destination FROM voyages;
-- @from 12
CREATE STATISTICS containers_state (mcv) ON state, tare_kg FROM containers;
-- @end

-- Functions, a procedure, an aggregate, an operator ----------------------------------------------------------------------
CREATE FUNCTION nautical_miles(km numeric, digits integer DEFAULT 2) RETURNS numeric
  LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT round(km / 1.852, digits) $$;
CREATE FUNCTION longest_ship(kinds VARIADIC ship_kind[]) RETURNS SETOF ships
  LANGUAGE sql STABLE ROWS 1 AS $$ SELECT * FROM harbour.ships WHERE kind = ANY (kinds) ORDER BY length_m DESC LIMIT 1 $$;
CREATE FUNCTION invoice_total(invoice bigint, OUT lines bigint, OUT total numeric)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = billing, pg_temp AS $body$
BEGIN
  SELECT count(*), coalesce(sum(quantity * price), 0) INTO lines, total FROM invoice_lines WHERE invoice_id = invoice;
END $body$;
CREATE FUNCTION first_of(anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1[array_lower($1, 1)]';
CREATE FUNCTION "It's a ""quoted"" function"() RETURNS text LANGUAGE plpgsql AS $_$
BEGIN
  RETURN $$semicolons; 'quotes'; $1$$;
END $_$;
CREATE FUNCTION keep_longer(text, text) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT CASE WHEN length($1) >= length($2) THEN $1 ELSE $2 END $$;
CREATE AGGREGATE longest(text) (SFUNC = keep_longer, STYPE = text, INITCOND = '');
CREATE OPERATOR public.<~> (LEFTARG = text, RIGHTARG = text, PROCEDURE = keep_longer);
-- @from 11
CREATE PROCEDURE billing.settle(invoice bigint) LANGUAGE plpgsql AS $$
BEGIN
  UPDATE billing.invoices SET paid = true WHERE id = invoice;
END $$;
-- @end
-- @from 14
CREATE FUNCTION ship_age(ship integer, on_day date) RETURNS interval STABLE
  BEGIN ATOMIC SELECT age(on_day, built) FROM harbour.ships WHERE id = ship; END;
-- @end
CREATE TEXT SEARCH CONFIGURATION manifest (COPY = pg_catalog.simple);

-- Triggers: they would change or count rows if they fired while a copy is made --------------------------------------------
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$;
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO billing.audit SELECT coalesce(max(at_line), 0) + 1, TG_TABLE_NAME, TG_OP FROM billing.audit;
  RETURN NULL;
END $$;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by %', TG_NAME; END $$;
CREATE TRIGGER shout BEFORE INSERT OR UPDATE OF name ON ships FOR EACH ROW WHEN (NEW.name IS NOT NULL) EXECUTE PROCEDURE shout();
CREATE TRIGGER always_logged AFTER INSERT OR DELETE ON billing.invoices FOR EACH STATEMENT EXECUTE PROCEDURE log_change();
ALTER TABLE billing.invoices ENABLE ALWAYS TRIGGER always_logged;
CREATE TRIGGER replica_only BEFORE INSERT ON berths FOR EACH ROW EXECUTE PROCEDURE refuse();
ALTER TABLE berths ENABLE REPLICA TRIGGER replica_only;
CREATE TRIGGER switched_off BEFORE INSERT OR UPDATE ON countries FOR EACH ROW EXECUTE PROCEDURE refuse();
ALTER TABLE countries DISABLE TRIGGER switched_off;
CREATE CONSTRAINT TRIGGER checked_late AFTER UPDATE ON reservations DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.ship_id < 0) EXECUTE PROCEDURE refuse();
-- @from 11
CREATE TRIGGER movement_moved AFTER UPDATE ON movements FOR EACH ROW WHEN (NEW.crane < 0) EXECUTE PROCEDURE refuse();
-- @end

-- Views, views on views, materialized views on materialized views, rules ---------------------------------------------------
CREATE VIEW fleet AS SELECT s.id, s.name, s.kind, c.name AS country FROM ships s JOIN countries c ON c.code = s.flag;
CREATE VIEW big_fleet WITH (security_barrier) AS SELECT * FROM fleet JOIN ships USING (id, name, kind) WHERE length_m > 100;
CREATE VIEW open_invoices AS SELECT * FROM billing.invoices WHERE paid IS NOT TRUE WITH CASCADED CHECK OPTION;
CREATE RECURSIVE VIEW chain_of_command (id, name, depth) AS
  SELECT id, name, 0 FROM crew WHERE reports_to IS NULL
  UNION ALL SELECT c.id, c.name, o.depth + 1 FROM crew c JOIN chain_of_command o ON c.reports_to = o.id;
CREATE VIEW tariff_entry AS SELECT id, rate FROM billing.tariffs;
CREATE RULE tariff_entry_update AS ON UPDATE TO tariff_entry DO INSTEAD UPDATE billing.tariffs SET rate = NEW.rate WHERE id = OLD.id;
CREATE RULE note_rate AS ON INSERT TO billing.exchange_rates DO ALSO INSERT INTO no_key VALUES (-1, NEW.currency, NULL);
CREATE TRIGGER entered INSTEAD OF INSERT ON tariff_entry FOR EACH ROW EXECUTE PROCEDURE refuse();
-- Named so that the alphabet and the order of need differ.
CREATE MATERIALIZED VIEW z_movements_by_crane AS
  SELECT crane, count(*) AS moves, min(moved_at) AS first_move FROM movements GROUP BY crane;
CREATE UNIQUE INDEX z_by_crane ON z_movements_by_crane (crane);
CREATE MATERIALIZED VIEW a_busiest_cranes AS SELECT * FROM z_movements_by_crane WHERE moves > (SELECT avg(moves) FROM z_movements_by_crane) - 1;
CREATE VIEW m_busy AS SELECT crane FROM a_busiest_cranes;
CREATE MATERIALIZED VIEW a_a_busy_text AS SELECT longest(crane::text) AS widest FROM m_busy;
CREATE MATERIALIZED VIEW not_filled AS SELECT * FROM documents WITH NO DATA;

-- Row-level security --------------------------------------------------------------------------------------------------------
ALTER TABLE crew_medical ENABLE ROW LEVEL SECURITY;
ALTER TABLE crew_medical FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON crew_medical TO harbour_clerk USING (visible_to = CURRENT_USER) WITH CHECK (visible_to = CURRENT_USER);
CREATE POLICY master_sees_all ON crew_medical AS PERMISSIVE FOR SELECT TO harbour_master USING (true);
CREATE POLICY "never 'AB'" ON crew_medical AS RESTRICTIVE FOR DELETE TO PUBLIC USING (blood_group <> 'AB');

-- Owners and privileges -------------------------------------------------------------------------------------------------------
ALTER VIEW m_busy OWNER TO harbour_master;
ALTER TABLE billing.tariffs OWNER TO harbour_master;
GRANT USAGE ON SCHEMA harbour, billing TO harbour_reader, harbour_clerk;
GRANT ALL ON SCHEMA harbour TO harbour_master;
GRANT SELECT ON ALL TABLES IN SCHEMA harbour TO harbour_reader;
REVOKE SELECT ON crew_medical FROM harbour_reader;
GRANT SELECT, INSERT, UPDATE ON billing.invoices, billing.invoice_lines TO harbour_clerk WITH GRANT OPTION;
GRANT SELECT (id, name), UPDATE (name) ON crew TO harbour_clerk;
GRANT USAGE, SELECT ON SEQUENCE billing.invoices_id_seq, voyage_number TO harbour_clerk;
GRANT ALL ON ALL TABLES IN SCHEMA billing TO harbour_master;
REVOKE ALL ON FUNCTION invoice_total(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION invoice_total(bigint) TO harbour_clerk;
REVOKE USAGE ON TYPE hold_state FROM PUBLIC;
GRANT USAGE ON TYPE hold_state TO harbour_reader, harbour_clerk;
GRANT SELECT ON no_key TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE harbour_master IN SCHEMA billing GRANT SELECT ON TABLES TO harbour_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE harbour_master IN SCHEMA billing GRANT USAGE ON SEQUENCES TO harbour_clerk;

-- Comments ----------------------------------------------------------------------------------------------------------------------
COMMENT ON SCHEMA "Archive.old ⚓" IS 'Kept for the auditors; it''s "closed" ⚓';
COMMENT ON TABLE ships IS E'Every ship that ever called.\nSecond line; with a semicolon.';
COMMENT ON COLUMN ships.imo IS 'International Maritime Organization number';
COMMENT ON COLUMN "Archive.old ⚓"."Captain's ""log"".v1 📓"."Ünï cödé" IS 'Ünï';
COMMENT ON CONSTRAINT "berths: depth is sane" ON berths IS 'In metres';
COMMENT ON CONSTRAINT imo_has_seven_digits ON DOMAIN imo_number IS 'No check digit';
COMMENT ON INDEX ships_name_trgm IS 'For the search box';
COMMENT ON TRIGGER shout ON ships IS 'Names are painted in capitals';
COMMENT ON RULE note_rate ON billing.exchange_rates IS 'Leaves a trace';
COMMENT ON POLICY own_rows ON crew_medical IS 'Clerks see their own';
COMMENT ON FUNCTION nautical_miles(numeric, integer) IS 'Kilometres to nautical miles';
COMMENT ON AGGREGATE longest(text) IS 'The longest text';
COMMENT ON OPERATOR public.<~> (text, text) IS 'The longer one';
COMMENT ON TYPE ship_kind IS 'What kind of ship';
COMMENT ON DOMAIN email IS 'Compared without regard to case';
COMMENT ON SEQUENCE countdown IS 'Goes down';
COMMENT ON VIEW fleet IS 'Ships with their country';
COMMENT ON MATERIALIZED VIEW a_busiest_cranes IS 'Built on another one';
COMMENT ON STATISTICS voyages_route IS 'Routes repeat';
COMMENT ON TEXT SEARCH CONFIGURATION manifest IS 'For manifests';
