// What Redshift has and Postgres has not: types, functions and system views, in a schema at the end of the search path.
export const prelude = `
DO $$ BEGIN PERFORM pg_advisory_xact_lock(515151);
IF to_regnamespace('redshift_sim') IS NULL THEN
CREATE SCHEMA redshift_sim;
CREATE DOMAIN redshift_sim.super AS jsonb;
CREATE DOMAIN redshift_sim.varbyte AS bytea;
CREATE FUNCTION redshift_sim.json_parse(text) RETURNS redshift_sim.super LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1::jsonb';
CREATE FUNCTION redshift_sim.json_serialize(jsonb) RETURNS varchar LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1::text::varchar';
CREATE FUNCTION redshift_sim.getdate() RETURNS timestamp LANGUAGE sql STABLE AS $f$SELECT date_trunc('second', now() AT TIME ZONE 'UTC')$f$;
CREATE FUNCTION redshift_sim.strtol(text, int) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $f$BEGIN
  IF $2 <> 16 OR length($1) > 16 THEN RAISE EXCEPTION 'strtol: this simulator reads base 16 only'; END IF;
  RETURN ('x' || lpad($1, 16, '0'))::bit(64)::bigint; END$f$;
CREATE FUNCTION redshift_sim.to_hex(bytea) RETURNS varchar LANGUAGE sql IMMUTABLE STRICT AS $f$SELECT encode($1, 'hex')::varchar$f$;
CREATE FUNCTION redshift_sim.to_varbyte(text, text) RETURNS redshift_sim.varbyte LANGUAGE sql IMMUTABLE STRICT AS 'SELECT decode($1, $2)';
CREATE FUNCTION redshift_sim.datediff(text, timestamp, timestamp) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $f$BEGIN
  IF $1 <> 'microsecond' THEN RAISE EXCEPTION 'datediff: this simulator knows microsecond only'; END IF;
  RETURN (extract(epoch FROM $3) * 1000000)::bigint - (extract(epoch FROM $2) * 1000000)::bigint; END$f$;
CREATE VIEW redshift_sim.svv_columns AS SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default, is_nullable,
  CASE domain_name WHEN 'super' THEN 'super' WHEN 'varbyte' THEN 'binary varying' ELSE data_type END AS data_type, character_maximum_length, numeric_precision, numeric_scale
  FROM information_schema.columns WHERE table_schema NOT IN ('redshift_sim', 'information_schema', 'pg_catalog');
CREATE VIEW redshift_sim.svv_tables AS SELECT table_catalog, table_schema, table_name, table_type, obj_description(format('%I.%I', table_schema, table_name)::regclass, 'pg_class')::varchar AS remarks
  FROM information_schema.tables WHERE table_schema NOT IN ('redshift_sim', 'information_schema', 'pg_catalog');
CREATE TABLE redshift_sim.sys_load_error_detail (user_id int, query_id bigint, transaction_id bigint, session_id int, database_name char(64), table_id int, start_time timestamp, file_name char(256), line_number bigint,
  column_name char(127), column_type char(10), column_length char(10), position int, error_code int, error_message char(512));
END IF;
CREATE OR REPLACE FUNCTION redshift_sim.dateadd(text, bigint, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS $f$SELECT $3 + ($2 || ' ' || $1)::interval$f$;
CREATE OR REPLACE FUNCTION redshift_sim.convert_timezone(text, text, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT AS $f$SELECT ($3 AT TIME ZONE $1) AT TIME ZONE $2$f$;
GRANT USAGE ON SCHEMA redshift_sim TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA redshift_sim TO PUBLIC;
END $$`;
