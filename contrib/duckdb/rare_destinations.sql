-- What a process did on the fewest hosts: pairs of process and destination, the rarest first, as `netsift merge --rarity`.
SELECT
    coalesce(process, '') AS process,
    coalesce(dest, '') AS destination,
    count(DISTINCT coalesce(dvc, '')) AS hosts,
    coalesce(arg_min(coalesce(dvc, ''), (first_time, coalesce(dvc, ''))) FILTER (first_time IS NOT NULL), min(dvc), '') AS first_host,
    sum(count)::BIGINT AS connections,
    min(first_time) AS first_seen
FROM groups
GROUP BY ALL
ORDER BY hosts, first_seen, process, destination;
