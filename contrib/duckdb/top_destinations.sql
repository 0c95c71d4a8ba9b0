-- The destinations with the most connections, and by how many hosts and processes.
SELECT
    coalesce(dest, '') AS destination,
    sum(count)::BIGINT AS connections,
    count(DISTINCT coalesce(dvc, '')) AS hosts,
    count(DISTINCT coalesce(process, '')) AS processes,
    min(first_time) AS first_seen,
    max(last_time) AS last_seen
FROM groups
GROUP BY destination
ORDER BY connections DESC, destination
LIMIT 50;
