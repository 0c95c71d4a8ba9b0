-- For each host, when each of its processes had a destination first: what is new on it, the newest first.
SELECT
    coalesce(dvc, '') AS host,
    coalesce(process, '') AS process,
    coalesce(dest, '') AS destination,
    min(first_time) AS first_seen,
    sum(count)::BIGINT AS connections
FROM groups
GROUP BY ALL
ORDER BY first_seen DESC NULLS LAST, host, process, destination;
