-- The groups of all partial results as one view, for the queries beside this file. Say where they are first:
--   SET VARIABLE partials = 'partials/*.parquet';
-- They have to be of the same rules and options, which `netsift merge` makes sure of, and this does not.

-- Logs, by the place that groups call them by. One that is in several partial results, by its SHA-256, counts in the first.
CREATE OR REPLACE TEMP VIEW sources AS
WITH listed AS (
    SELECT file_name AS partial, json_extract(decode(value)::JSON, '$.sources[*]') AS facts
    FROM parquet_kv_metadata(getvariable('partials')) WHERE decode(key) = 'netsift-partial'
), each AS (
    SELECT partial, generate_subscripts(facts, 1) - 1 AS source, unnest(facts) AS fact FROM listed
), hashed AS (
    SELECT partial, source, fact ->> '$.name' AS name, fact ->> '$.digests.sha256' AS sha256 FROM each
)
SELECT *, sha256 IS NULL OR partial = min(partial) OVER (PARTITION BY sha256) AS counts FROM hashed;

-- Times that 64 bits of nanoseconds do not hold, which damaged or forged records can have, are in columns of text only.
CREATE OR REPLACE TEMP VIEW groups AS
SELECT
    sources.name AS log,
    groups.* EXCLUDE (source, filename),
    parse_filename(filename) AS partial,
    lower(split_part(process_name, '\', -1)) AS process
FROM read_parquet(getvariable('partials'), filename = true) AS groups
JOIN sources ON sources.partial = filename AND sources.source = groups.source
WHERE sources.counts;
