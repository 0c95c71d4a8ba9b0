"""Runs the queries over partial results and compares what they say with a report of `netsift merge --rarity`.

Usage: check.py PARTIALS REPORT, with the report by dvc, dest and process_name, as CSV with raw cells.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent


def main() -> None:
    partials, report = sys.argv[1:]
    database = duckdb.connect()
    database.execute(f"SET VARIABLE partials = '{partials}/*.parquet'")
    database.execute((HERE / "groups.sql").read_text())
    with open(report, newline="") as file:
        rows = list(csv.DictReader(file))
    expected = {(row["process_name"].lower(), row["dest"], int(row["host_count"]), row["first_host"]) for row in rows}
    expect("rare_destinations", {row[:4] for row in query(database, "rare_destinations")}, expected)
    expect("top_destinations", [row[:3] for row in query(database, "top_destinations")], top(rows))
    first = {row[:3]: (row[4], time(row[3])) for row in query(database, "first_seen", ("first_seen",))}
    expect("first_seen", first, first_seen(rows))


def query(database: duckdb.DuckDBPyConnection, name: str, times: tuple = ()) -> list[tuple]:
    """The rows of a query; times as nanoseconds since 1970."""
    replaced = ", ".join(f"epoch_ns({column}) AS {column}" for column in times)
    replaced = f"REPLACE ({replaced})" if times else ""
    text = (HERE / f"{name}.sql").read_text().rstrip().removesuffix(";")
    return database.execute(f"SELECT * {replaced} FROM ({text})").fetchall()


def time(nanoseconds: int | None) -> str:
    """As the report has it."""
    if nanoseconds is None:
        return ""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest // 100:07}Z"


def top(rows: list[dict]) -> list[tuple]:
    """Destinations with their connections and hosts, as top_destinations.sql orders them."""
    connections, hosts = defaultdict(int), defaultdict(set)
    for row in rows:
        connections[row["dest"]] += int(row["count"])
        hosts[row["dest"]].add(row["dvc"])
    found = [(dest, count, len(hosts[dest])) for dest, count in connections.items()]
    return sorted(found, key=lambda row: (-row[1], row[0].encode()))[:50]


def first_seen(rows: list[dict]) -> dict:
    """Of a host, a process in any case, and a destination: how many connections, and when the first was."""
    found = {}
    for row in rows:
        key = (row["dvc"], row["process_name"].lower(), row["dest"])
        count, first = found.get(key, (0, row["firstTime"]))
        found[key] = (count + int(row["count"]), min(first, row["firstTime"]))
    return found


def expect(name: str, found, expected) -> None:
    if found != expected or not expected:
        sys.exit(f"{name}.sql\nexpected: {expected!r}\nfound:    {found!r}")


if __name__ == "__main__":
    main()
