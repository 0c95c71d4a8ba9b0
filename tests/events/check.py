"""Checks events as CSV, JSON lines, for Timesketch and as ECS against each other and against those that read them.

Usage: check.py FOLDER SCHEMA, with csv.csv, jsonl.jsonl, timesketch.jsonl and ecs.jsonl of the same events in FOLDER,
and the fields of the Elastic Common Schema as Elastic's package exports them (EcsFlat).
"""

from __future__ import annotations

import csv
import ipaddress
import json
import re
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import communityid
from timesketch_import_client import importer

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


def main() -> None:
    folder, schema = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    with open(folder / "csv.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows, "no events"
    check_jsonl(rows, objects(folder / "jsonl.jsonl"))
    check_community_ids(objects(folder / "jsonl.jsonl"))
    check_timesketch(rows, folder / "timesketch.jsonl")
    lines = objects(folder / "ecs.jsonl")
    check_ecs(rows, lines[0::2], lines[1::2], schema)
    print(f"tests/events: {len(rows)} events are what Timesketch, ECS and the Community ID ask for")


def objects(path: Path) -> list[dict]:
    """The lines of a file, in which no member may be twice."""

    def members(pairs: list[tuple]) -> dict:
        assert len(dict(pairs)) == len(pairs), f"{path}: a member twice: {pairs}"
        return dict(pairs)

    # Only a line feed ends a line, and nothing that other readers take for the end of one may be in it.
    text = path.read_bytes().decode()
    assert text.split("\n") == [*text.splitlines(), ""], f"{path}: another end of a line"
    return [json.loads(line, object_pairs_hook=members) for line in text.splitlines()]


def shown(value: object) -> str:
    """A value of JSON as CSV has it: control characters as escapes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    escape = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    unsafe = "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]"
    return re.sub(unsafe, lambda found: escape.get(found[0], f"\\u{{{ord(found[0]):x}}}"), str(value))


def check_jsonl(rows: list[dict], events: list[dict]) -> None:
    assert len(rows) == len(events)
    for row, event in zip(rows, events, strict=True):
        assert row == {name: shown(event[name]) for name in row}, (row, event)
        assert set(event) == {*row, "community_id"}


def check_community_ids(events: list[dict]) -> None:
    known = 0
    make = {"tcp": communityid.FlowTuple.make_tcp, "udp": communityid.FlowTuple.make_udp}
    for event in events:
        ends = [event["src_ip"], event["dest_ip"], event["src_port"], event["dest_port"]]
        expected = None
        try:
            kinds = {ipaddress.ip_address(address).version for address in ends[:2]}
            if event["transport"] in make and len(kinds) == 1 and all(isinstance(port, int) for port in ends[2:]):
                expected = communityid.CommunityID(seed=0).calc(make[event["transport"]](*ends))
        except ValueError:
            pass
        assert event["community_id"] == expected, event
        known += expected is not None
    assert known, "no Community ID"


def check_timesketch(rows: list[dict], path: Path) -> None:
    """Uploads the file with the importer to a server that keeps what it is sent."""
    uploaded = []

    def post(_url: str, data: dict, files: dict) -> SimpleNamespace:
        uploaded.extend(json.loads(line) for line in files["events"][1].split("\n"))
        answer = {"objects": [{"id": 1, "searchindex": {"index_name": "x"}}], "meta": {}}
        return SimpleNamespace(status_code=200, json=lambda: answer)

    api = SimpleNamespace(api_root="", session=SimpleNamespace(post=post))
    with importer.ImportStreamer() as streamer:
        streamer.set_sketch(SimpleNamespace(id=1, api=api))
        streamer.add_file(str(path))
    events = objects(path)
    assert len(uploaded) == len(rows) == len(events)
    types = {}
    for row, event, sent in zip(rows, events, uploaded, strict=True):
        assert {**event, "datetime": 0} == {**sent, "datetime": 0}, "the importer changed something"
        time = datetime.fromisoformat(event["datetime"])
        assert time == datetime.fromisoformat(sent["datetime"]) and time.utcoffset() is not None
        elapsed = time - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
        assert event["timestamp"] == elapsed // elapsed.resolution
        assert event["message"] and event["timestamp_desc"]
        for name, value in row.items():
            assert value == shown(event.get(name, event.get(f"{name}_text"))), (name, value, event)
        for name, value in event.items():
            # OpenSearch gives an attribute the type of its first value.
            assert types.setdefault(name, type(value)) is type(value), (name, value)


def check_ecs(rows: list[dict], actions: list[dict], documents: list[dict], schema: dict) -> None:
    assert len(rows) == len(actions) == len(documents)
    assert all(action == {"create": {}} for action in actions)
    version = {document["ecs"]["version"] for document in documents}
    assert version == {"9.4.0"}, version
    types = {}
    for row, document in zip(rows, documents, strict=True):
        fields = dict(leaves(document))
        for name, value in fields.items():
            if name.startswith("netsift."):
                assert types.setdefault(name, type(value)) is type(value), (name, value)
                continue
            field = schema.get(name)
            assert field, f"{name} is not in the schema"
            is_list = "array" in field["normalize"]
            assert isinstance(value, list) == is_list, (name, value)
            for each in value if is_list else [value]:
                check_value(name, each, field)
        for category in fields["event.category"]:
            allowed = {kind["name"]: kind for kind in schema["event.category"]["allowed_values"]}[category]
            assert set(fields["event.type"]) <= set(allowed["expected_event_types"]), fields["event.type"]
        check_kept(row, fields)


def check_value(name: str, value: object, field: dict) -> None:
    kind = field["type"]
    if kind in ("keyword", "wildcard", "match_only_text"):
        assert isinstance(value, str) and value, (name, value)
    elif kind == "long":
        assert type(value) is int, (name, value)
    elif kind == "ip":
        ipaddress.ip_address(value)
    elif kind == "date":
        assert DATE.fullmatch(value), (name, value)
    else:
        raise AssertionError(f"{name} is of the type {kind}, which nothing is written for")
    if "expected_values" in field:
        assert value in field["expected_values"], (name, value)
    if "allowed_values" in field:
        assert value in [allowed["name"] for allowed in field["allowed_values"]], (name, value)


def check_kept(row: dict, fields: dict) -> None:
    """Nothing that the CSV has may be lost, but what is the same of every event or has other words in the schema."""
    values = {shown(value) for value in fields.values()}
    values.update(shown(each) for value in fields.values() if isinstance(value, list) for each in value)
    values.add("\\".join(shown(fields.get(name)) for name in ("user.domain", "user.name")))
    other_words = {"protocol", "vendor_product", "direction", "utc_time", "process_hash"}
    for name, value in row.items():
        assert not value or name in other_words or value in values, (name, value, fields)
    directions = {"outbound": "egress", "inbound": "ingress", "": None}
    assert fields.get("network.direction") == directions[row["direction"]]
    kinds = ("process.hash", "process.pe.imp")
    hashes = [shown(value).lower() for name, value in fields.items() if name.startswith(kinds)]
    if "netsift.process_hash" not in fields:
        logged = [part.partition("=")[2].lower() for part in row["process_hash"].split(",") if part]
        assert sorted(hashes) == sorted(logged), (row["process_hash"], fields)
    start = fields.get("event.start", "").replace("T", " ").rstrip("Z0")
    assert start == row["utc_time"].rstrip("0") or fields.get("netsift.utc_time") == row["utc_time"], (start, row)


def leaves(value: object, name: str = ""):
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from leaves(inner, f"{name}.{member}" if name else member)
    else:
        yield name, value


if __name__ == "__main__":
    main()
