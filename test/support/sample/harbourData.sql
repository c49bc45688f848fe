-- About 200,000 rows, each a function of its number.
SET search_path = harbour, billing, public;

INSERT INTO countries
SELECT chr(65 + (i / 26)) || chr(65 + (i % 26)), 'Country ' || i, ARRAY[i, i + 1000] FROM generate_series(0, 199) i;

INSERT INTO ships (imo, name, kind, flag, length_m, beam_m, draught, gross, properties, position, built)
SELECT 1000000 + i * 7, 'Ship ' || i || CASE WHEN i % 50 = 0 THEN ' Ærø–Öland ⚓' ELSE '' END,
       (enum_range(NULL::ship_kind))[1 + i % 6], chr(65 + (i % 200) / 26) || chr(65 + (i % 200) % 26),
       20 + i * 0.3, CASE WHEN i % 9 > 0 THEN i / 7.0 END,
       CASE WHEN i % 11 = 0 THEN 'empty' WHEN i % 7 = 0 THEN draught_range(NULL, i) ELSE draught_range(i, i + 2.5, '[]') END,
       i * 1000.125, hstore(ARRAY['engine', 'E' || i % 4, 'crew "size"', (i % 30)::text, 'none', NULL]),
       point(i * 0.1, -i * 0.2), DATE '1980-01-01' + i * 29
  FROM generate_series(1, 500) i;

INSERT INTO crew (ship_id, reports_to, name, contact, born, languages, shifts, salary, home)
SELECT 1 + i % 500, CASE WHEN i > 40 THEN 100 + 2 * (i % 40) END, 'Sailor ' || i,
       CASE WHEN i % 5 > 0 THEN 'Sailor' || i || '@Harbour.example' END, DATE '1960-01-01' + i * 3,
       CASE i % 3 WHEN 0 THEN '{}' WHEN 1 THEN ARRAY['en'] ELSE ARRAY['en', NULL, 'de "Platt", \'] END,
       ARRAY[int4range(i % 8, i % 8 + 8), int4range(16, NULL)], (1000 + i % 700)::money, ROW(i / 100.0, NULL)::coordinate
  FROM generate_series(1, 4000) i;
UPDATE ships SET captain_id = 100 + 2 * (id - 1) WHERE id % 10 > 0;
INSERT INTO crew_medical
SELECT 100 + 2 * i, (ARRAY['A', 'B', 'AB', '0'])[1 + i % 4], CASE WHEN i % 3 = 0 THEN 'allergic to ' || i END,
       CASE WHEN i % 2 = 0 THEN 'harbour_clerk' ELSE 'harbour_master' END
  FROM generate_series(0, 1999) i;

INSERT INTO berths (code, outline, depth, power_kw, closed, "order")
SELECT 'B-' || i, polygon(box(point(i, 0), point(i + 1, 5))), 5 + i % 20 + 0.25, CASE WHEN i % 4 > 0 THEN i * 1000 END, i % 17 = 0, -i
  FROM generate_series(1, 60) i;
INSERT INTO reservations (berth_id, ship_id, during)
SELECT 1 + i % 60, 1 + i % 500,
       tstzrange(TIMESTAMPTZ '2024-01-01 00:00+00' + (i / 60) * INTERVAL '1 day', TIMESTAMPTZ '2024-01-01 20:00+00' + (i / 60) * INTERVAL '1 day')
  FROM generate_series(0, 7999) i;
-- @from 14
UPDATE reservations SET breaks = tstzmultirange(tstzrange(lower(during), lower(during) + INTERVAL '1 hour')) WHERE id % 8 = 0;
-- @end

INSERT INTO voyages (ship_id, origin, destination, departed, arrived, eta_local, day_of, log, log_text, raw_log)
SELECT 1 + i % 500, 'A' || chr(65 + i % 26), 'B' || chr(65 + i % 26),
       TIMESTAMPTZ '2024-01-01 06:30:15.123456+02' + i * INTERVAL '47 minutes',
       CASE WHEN i % 6 > 0 THEN TIMESTAMP '2024-01-03 00:00' + i * INTERVAL '47 minutes' END,
       TIME WITH TIME ZONE '23:59:59.5+05:45', DATE '2024-01-01' + i / 30,
       jsonb_build_object('knots', i % 30, 'notes', jsonb_build_array('fog', NULL, i), 'ünï', E'tab\there'),
       to_tsvector('simple', 'voyage ' || i || ' fog and wind ' || i % 12), '{"b": 1,  "a" : 2, "a":3}'
  FROM generate_series(1, 5000) i;

INSERT INTO containers (number, owner_uuid, tare_kg, payload, seals, flags, tracker, tracker_mac, network, stowed, state, remarks)
SELECT 'HBRU' || lpad(i::text, 7, '0'), (lpad(to_hex(i), 8, '0') || '-0000-4000-8000-000000000000')::uuid, 2200 + i % 100,
       (i % 28000) + 0.125, (i % 256)::bit(8), CASE WHEN i % 3 > 0 THEN (i % 16)::bit(4)::varbit END,
       CASE WHEN i % 2 = 0 THEN inet '10.0.0.0' + i ELSE inet 'fe80::1' + i END,
       ('08:00:2b:' || to_char(i / 10000 % 100, 'FM00') || ':' || to_char(i / 100 % 100, 'FM00') || ':' || to_char(i % 100, 'FM00'))::macaddr,
       '10.1.0.0/16', ROW((i % 40)::smallint, NULL, (i % 9)::smallint, ROW(i, -i)::coordinate)::stowage, (enum_range(NULL::hold_state))[1 + i % 3],
       CASE i % 50 WHEN 0 THEN '' WHEN 1 THEN E'two\nlines' WHEN 2 THEN '\N' WHEN 3 THEN E'back\\slash\ttab' END
  FROM generate_series(1, 20000) i;
INSERT INTO container_contents
SELECT 'HBRU' || lpad((1 + i / 2)::text, 7, '0'), i % 2, (ARRAY['Bananas', 'Steel', 'toys', 'Machine "parts"'])[1 + i % 4], i % 500
  FROM generate_series(0, 29999) i;

INSERT INTO movements
SELECT i, 'HBRU' || lpad((1 + i % 20000)::text, 7, '0'), TIMESTAMPTZ '2023-12-01 00:00+00' + i * INTERVAL '11 minutes',
       i % 12, i * 0.7, CASE WHEN i % 4 = 0 THEN jsonb_build_object('crane', i % 12, 'ok', i % 8 = 0) END
  FROM generate_series(1, 60000) i;
INSERT INTO inspections
SELECT (ARRAY['north', 'arctic', 'south', 'elsewhere', 'south'])[1 + i % 5], DATE '2024-01-01' + i % 366, 1 + i % 500,
       CASE WHEN i % 7 > 0 THEN i % 2 = 0 END, i % 1000 / 8.0
  FROM generate_series(1, 12000) i;
INSERT INTO tides SELECT i % 10, TIMESTAMP '2024-01-01' + (i / 10) * INTERVAL '10 minutes', sin(i % 124 / 20.0)::numeric(8, 5)
  FROM generate_series(0, 9999) i;

INSERT INTO incidents SELECT i, DATE '2024-02-01' + i, 'Incident ' || i FROM generate_series(1, 50) i;
INSERT INTO incidents_spill SELECT 100 + i, DATE '2024-03-01' + i, 'Spill ' || i, i * 10 FROM generate_series(1, 30) i;
INSERT INTO incidents_injury SELECT 200 + i, DATE '2024-04-01' + i, NULL, 100 + 2 * i FROM generate_series(1, 20) i;

INSERT INTO billing.customers (name, contact, address, credit, parent_id)
SELECT 'Customer ' || i, 'Billing' || i || '@Example.COM', ARRAY['Quay ' || i, 'Harbour'], i * 99.9999, CASE WHEN i > 100 THEN i % 100 - 10 END
  FROM generate_series(1, 1000) i;
INSERT INTO billing.invoices (customer_id, voyage_id, issued, due, paid)
SELECT i % 1000 - 10, CASE WHEN i % 5 > 0 THEN 1001 + 7 * (i % 5000) END, DATE '2024-01-01' + i % 400, DATE '2024-01-31' + i % 400,
       CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END
  FROM generate_series(1, 10000) i;
INSERT INTO billing.invoice_lines (invoice_id, line, description, quantity, price)
SELECT 1 + i / 3, i % 3, 'Line ' || i || repeat(' long', i % 4), i % 17 + 0.5, i % 900 + 0.99 FROM generate_series(0, 29999) i;
INSERT INTO billing.tariffs
SELECT i, (enum_range(NULL::ship_kind))[1 + i % 6], daterange(DATE '2024-01-01' + i, CASE WHEN i % 4 > 0 THEN DATE '2024-02-01' + i END), i * 1.0001
  FROM generate_series(1, 300) i;
INSERT INTO billing.audit SELECT i, 'invoices', CASE WHEN i % 2 = 0 THEN 'created ' || i END FROM generate_series(1, 3000) i;
INSERT INTO billing.exchange_rates VALUES ('EUR', 1), ('USD', 1.0837), ('NOK', 11.6435), ('JPY', 163.06);

INSERT INTO "Archive.old ⚓".extremes VALUES
  (1, 'NaN', 'NaN', 'NaN', 9223372036854775807, 32767, '', 'infinity', 'infinity', 'infinity', '178000000 years', '', '', 'null', '{}'),
  (2, 1e-16383, '-0', '-0', -9223372036854775808, -32768, NULL, '-infinity', '-infinity', '-infinity', '-178000000 years', '\x00', 'x', '{}', '{{1,2},{3,NULL}}'),
  (3, repeat('9', 1000)::numeric / 7, 'Infinity', 'Infinity', 0, 0, E'a\u0301 – \U0001F6A2', '4713-01-01 00:00 BC', '4713-01-02 00:00+00 BC', '4713-01-01 BC', '-1 mons +2 days -00:00:00.000001', '\xdeadbeef00ff', '\', '[1e400, "\u00e9"]', '[0:1][-1:0]={{1,2},{3,4}}'),
  (4, 0.000000000000000000000000000001, '-Infinity', '-Infinity', 1, 1, E'\r\n\t\b\f\\.\n\\N', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '5874897-12-31', 'P0Y', E'\\x5c2e0a', NULL, '"\\u2028"', NULL),
  (5, 1.10, 0.1::double precision + 0.2, 16777216.0, NULL, NULL, repeat('ß', 9000), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (6, 1e16383::numeric, 5e-324, 1e-45, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (7, 100, 1.7976931348623157e308, 3.4028235e38, NULL, NULL, ' ', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO "Archive.old ⚓"."Captain's ""log"".v1 📓"
SELECT i, ' ' || i, 'ü' || i, '"' || i, '\' || i, '本' || i FROM generate_series(1, 200) i;
INSERT INTO "Archive.old ⚓".a_name_of_exactly_sixty_three_bytes_which_is_as_long_as_they_get SELECT generate_series(1, 10);
INSERT INTO zero_columns DEFAULT VALUES;
INSERT INTO zero_columns DEFAULT VALUES;
INSERT INTO zero_columns DEFAULT VALUES;
-- Rows that are equal in every column count as often as they are there.
INSERT INTO no_key SELECT i % 100, 'row ' || i % 100, TIMESTAMP '2024-01-01' + (i % 100) * INTERVAL '1 second' FROM generate_series(1, 2000) i;
-- md5 is at hand on a source; it makes bytes that do not compress, so that the scans go to the TOAST table.
INSERT INTO documents
SELECT i, 'Document ' || i, repeat('All hands on deck. ', i % 300),
       CASE WHEN i % 4 > 0 THEN (SELECT decode(string_agg(md5(i || '-' || j), ''), 'hex') FROM generate_series(1, i) j) END,
       ARRAY['tag' || i % 10, 'all']
  FROM generate_series(1, 300) i;
-- @from 12
INSERT INTO all_generated DEFAULT VALUES;
INSERT INTO all_generated DEFAULT VALUES;
-- @end
INSERT INTO dropped_columns (kept, last) SELECT i, 'last ' || i FROM generate_series(1, 50) i;
-- @xml
INSERT INTO manifests SELECT i, xmlparse(DOCUMENT '<?xml version="1.0"?><ship n="' || i || '">é&amp;<!-- kept --></ship>') FROM generate_series(1, 20) i;
INSERT INTO manifests VALUES (21, NULL), (22, xmlparse(CONTENT 'loose <b>text</b>'));
-- @end

-- Large objects: a small, an empty and one of several pages; with comments and grants ---------------------------------
SELECT lo_from_bytea(770000 + i, decode(repeat(lpad(to_hex(i), 2, '0'), i * 5000), 'hex')) FROM generate_series(1, 12) i;
SELECT lo_create(770100);
UPDATE billing.invoices SET attachment = 770000 + id WHERE id <= 12;
COMMENT ON LARGE OBJECT 770001 IS 'Scan of invoice 1; it''s "signed"';
COMMENT ON LARGE OBJECT 770100 IS 'An empty one';
GRANT SELECT ON LARGE OBJECT 770001, 770002 TO harbour_reader;
GRANT SELECT, UPDATE ON LARGE OBJECT 770003 TO harbour_clerk;

SELECT nextval('countdown') FROM generate_series(1, 10);
SELECT nextval('berth_ticket') FROM generate_series(1, 130);
SELECT setval('"Odd ""sequence"".name"', 9223372036854775800, false);
