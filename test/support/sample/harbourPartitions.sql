-- 1,000 small partitions of 20 rows.
SET search_path = harbour, public;
CREATE TABLE buoy_readings (day integer NOT NULL, reading integer NOT NULL, height real, note text) PARTITION BY LIST (day);
DO $$
BEGIN
  FOR day IN 1..1000 LOOP
    EXECUTE format('CREATE TABLE buoy_readings_%1$s PARTITION OF buoy_readings (PRIMARY KEY (reading)) FOR VALUES IN (%2$s)',
                   lpad(day::text, 4, '0'), day);
  END LOOP;
END $$;
INSERT INTO buoy_readings SELECT 1 + i / 20, i % 20, i % 97 / 8.0, CASE WHEN i % 5 = 0 THEN 'calm' END FROM generate_series(0, 19999) i;
