"""Independent verdicts: which Sigma rule matches which Sysmon connection of some logs, with the process behind it.

They come from pySigma with its SQLite backend over what python-evtx reads, and are compared both ways with the rows
that `netsift detect --rules ... --events` wrote. This shares no code with netsift, neither for logs nor for rules. It
does not check what else a row holds. run.sh says how to run it.
"""

import argparse
import csv
import ipaddress
import itertools
import json
import re
import sqlite3
import sys
import xml.etree.ElementTree as ET
from collections import namedtuple
from pathlib import Path

import yaml
from Evtx.Evtx import Evtx
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

EVENT = "{http://schemas.microsoft.com/win/2004/08/events/event}"

Rule = namedtuple("Rule", "id title file detection queries")


# -- Where the stock backend, SQLite or python-evtx differ from the Sigma specification or from Windows ----------------


class Backend(sqliteBackend):
    """The SQLite backend, mended where its SQL is not what the specification says."""

    def convert_condition_field_eq_val_cidr(self, cond, state):
        # Specification, `cidr`: the value is an address of the network. The backend compares text prefixes, which
        # cannot match Sysmon's IPv6: `::1/128` becomes `= '::1'`, and Sysmon writes 0:0:0:0:0:0:0:1.
        return f"cidr({self.escape_and_quote_field(cond.field)}, '{cond.value.network}')"

    def convert_condition_field_compare_op_val(self, cond, state):
        # Specification, `lt`, `lte`, `gt`, `gte`: numbers. SQLite compares a text column with a number as texts,
        # by which '445' > 1024. (For equality that is right: a port is written without leading zeros.)
        operator = self.compare_operators[cond.value.op]
        return f"number({self.escape_and_quote_field(cond.field)}) {operator} {cond.value.number}"


def database():
    """An empty database whose operators compare as the specification says."""
    db = sqlite3.connect(":memory:")
    # LIKE ignores the case of ASCII letters only; the specification excepts no letter. The patterns that the backend
    # writes escape `%`, `_` and the backslash with a backslash, so that a Windows path has every backslash twice.
    db.create_function("like", 3, like, deterministic=True)
    # `=` minds the case in SQLite unless the column says otherwise, and NOCASE again knows ASCII only.
    db.create_collation("NOCASE", lambda a, b: (fold(a) > fold(b)) - (fold(a) < fold(b)))
    # SQLite has the operator REGEXP without a function behind it. Specification, `re`: case counts, but for `re|i`.
    db.create_function("regexp", 2, lambda pattern, text: text is not None and bool(re.search(pattern, text)))
    db.create_function("cidr", 2, in_network, deterministic=True)
    db.create_function("number", 1, lambda text: int(text) if re.fullmatch(r"-?\d+", text or "") else None)
    return db


def fold(text):
    # Per letter: unlike casefold(), this makes no two letters of one, as `?` would notice.
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


PATTERNS = {}


def like(pattern, text, escape):
    if text is None or pattern is None:
        return None
    if pattern not in PATTERNS:
        tokens = re.findall(re.escape(escape) + r".|.", pattern, re.DOTALL)
        parts = [{"%": ".*", "_": "."}.get(token) or re.escape(fold(token[-1])) for token in tokens]
        PATTERNS[pattern] = re.compile("".join(parts), re.DOTALL)
    return PATTERNS[pattern].fullmatch(fold(text)) is not None


def in_network(text, network):
    try:
        return ipaddress.ip_address(text) in ipaddress.ip_network(network)
    except ValueError:  # Absent, empty, `-`, a name: in no network.
        return False


def as_windows_writes(text):
    """python-evtx writes booleans True and False and GUIDs in lower case; Windows writes true and false, upper case."""
    if text in ("True", "False"):
        return text.lower()
    return text.upper() if re.fullmatch(r"\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", text) else text


# Nothing else needed mending, as far as the self-test looks: an absent field is NULL and the backend wraps what it
# negates in COALESCE; `field: null` is IS NULL (absent), `field: ''` is = '' (there and empty); pySigma itself resolves
# `1 of filter_main_*`; `Initiated: true` also compares with 1, which Sysmon never writes.


# -- Rules and records -----------------------------------------------------------------------------------------------


def load_rules(folders):
    """The rules as SQL, and the files of those that have placeholders, which neither side can evaluate."""
    rules, skipped = [], []
    for file in sorted(file for folder in folders for file in Path(folder).rglob("*.yml")):
        text = file.read_text(encoding="utf-8")
        head = yaml.safe_load(text)
        rule = Rule(head["id"], head["title"], file.name, head["detection"], [])
        if any("expand" in modifiers for _, modifiers, _ in items(rule.detection)):
            skipped.append(rule)
        else:
            rules.append(rule._replace(queries=queries(text)))
    if len({rule.id for rule in rules}) != len(rules):
        sys.exit("two rules have the same id")
    return rules, skipped


def queries(text):
    return [query.split(" WHERE ", 1)[1] for query in Backend().convert(SigmaCollection.from_yaml(text))]


def items(node):
    """The (field, modifiers, values) of a detection or a part of one."""
    if isinstance(node, list):
        for part in node:
            yield from items(part)
    elif isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, dict) or isinstance(value, list) and any(isinstance(part, dict) for part in value):
                yield from items(value)
            elif key != "condition":
                field, *modifiers = key.split("|")
                yield field, modifiers, value if isinstance(value, list) else [value]


# The fields of EventID 1 that EventID 3 lacks. Source: the schema of Sysmon 15 (`sysmon -s`).
OF_PROCESS = {
    "CommandLine", "ParentImage", "ParentCommandLine", "OriginalFileName", "Hashes", "IntegrityLevel", "Company",
    "Description", "Product", "CurrentDirectory", "LogonId", "LogonGuid", "TerminalSessionId", "FileVersion",
    "ParentProcessId", "ParentProcessGuid", "ParentUser",
}  # fmt: skip


def asked(rule):
    """What a rule asks of the process."""
    return {field for field, _, _ in items(rule.detection)} & OF_PROCESS


def readings(rule, fields):
    """All that a connection can be for a rule: what is not told of its process is nothing, or any value of the rule."""
    if not asked(rule) or fields.get("process") == "own" or "process" not in fields and "CommandLine" in fields:
        return [fields]
    told = fields.keys() if "process" in fields else set()
    if not asked(rule) & told:
        return []
    values = {
        name: [None] + [str(value).strip("*") for field, _, values in items(rule.detection) if field == name for value in values]
        for name in sorted(asked(rule) - told)
    }
    return [
        fields | {name: value for name, value in zip(values, chosen) if value is not None}
        for chosen in itertools.product(*values.values())
    ]


def read_connections(folder):
    """The fields of each Sysmon EventID 3 record and of its process, by (file name, EventRecordID)."""
    found, starts = {}, {}
    for log in sorted(Path(folder).rglob("*.evtx")):
        with Evtx(str(log)) as evtx:
            for record in evtx.records():
                event = ET.fromstring(record.xml())
                system = event.find(f"{EVENT}System")
                number = system.findtext(f"{EVENT}EventID").strip()
                if number not in ("1", "3"):
                    continue
                if system.find(f"{EVENT}Provider").get("Name") != "Microsoft-Windows-Sysmon":
                    continue
                fields = {
                    data.get("Name"): as_windows_writes(data.text or "")
                    for data in event.iterfind(f"{EVENT}EventData/{EVENT}Data")
                }
                fields["Computer"] = system.findtext(f"{EVENT}Computer")
                if number == "1":
                    for rank, guid, start in told(fields):
                        key = (fields["Computer"], guid)
                        missing = sum(value in ("", "-") for value in start.values()) - len(start)
                        found_start = (rank, missing, fields.get("UtcTime", "~"), start)
                        starts[key] = min(starts.get(key, (9,)), found_start, key=by_what_is_told)
                    continue
                fields["EventID"] = "3"
                key = (log.name, int(system.findtext(f"{EVENT}EventRecordID")))
                if key in found:
                    sys.exit(f"{key} is there twice")
                found[key] = fields
    for fields in found.values():
        start = starts.get((fields["Computer"], fields.get("ProcessGuid", "").upper()))
        if start:
            by = "child" if start[0] else "own"
            fields |= {name: value for name, value in start[3].items() if name not in fields} | {"process": by}
    return found


def by_what_is_told(start):
    """A process's own event comes first, then what tells most, then the earlier one."""
    return start[:3]


def told(fields):
    """What an EventID 1 tells of its process, and of the one that started that: (rank, GUID, fields)."""
    yield 0, fields.get("ProcessGuid", "").upper(), {name: fields[name] for name in fields.keys() & OF_PROCESS}
    if fields.get("ParentCommandLine", "-") not in ("", "-"):
        yield 1, fields.get("ParentProcessGuid", "").upper(), {"CommandLine": fields["ParentCommandLine"]}


def evaluate(rules, connections):
    """The (rule id, position in `connections`) that match, whatever is not told."""
    found = set()
    for rule in rules:
        rows = [(at, fields) for at, connection in enumerate(connections) for fields in readings(rule, connection)]
        columns = {field for _, fields in rows for field in fields}
        columns = sorted(columns | {field for field, _, _ in items(rule.detection)})
        db = database()
        db.execute(f"CREATE TABLE logs ({', '.join(f'{quoted(name)} TEXT COLLATE NOCASE' for name in columns)})")
        db.executemany(
            f"INSERT INTO logs ({', '.join(map(quoted, columns))}) VALUES ({', '.join('?' * len(columns))})",
            [[*map(fields.get, columns)] for _, fields in rows],
        )
        for query in rule.queries:
            matches = {row - 1 for (row,) in db.execute(f"SELECT rowid FROM logs WHERE {query}")}
            others = {at for row, (at, _) in enumerate(rows) if row not in matches}
            found |= {(rule.id, rows[row][0]) for row in matches if rows[row][0] not in others}
    return found


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def expected_pairs(rules, records):
    keys = list(records)
    return {(rule, *keys[at]) for rule, at in evaluate(rules, list(records.values()))}


# -- The comparison --------------------------------------------------------------------------------------------------


def compare(rules, skipped, records, events, stderr):
    """Prints what differs and the closing lines; whether all agree."""
    expected = expected_pairs(rules, records)
    with open(events, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    actual = {(row["rule_id"], re.split(r"[/\\]", row["source"])[-1], int(row["record_id"])) for row in rows}
    problems = [f"{len(rows) - len(actual)} rows of {events} are there twice"] if len(rows) != len(actual) else []

    # Whether netsift said which rules it did not load, and that those are the ones that neither side can evaluate.
    said = Path(stderr).read_text(encoding="utf-8")
    print(said, end="")
    for rule in skipped:
        print(f"skipped, it has a placeholder: {rule.file}: {rule.title}")
        if not any(name in said for name in (rule.file, rule.id, rule.title)):
            problems.append(f"netsift does not say that it has not loaded {rule.file}")
    # A field that no connection has is said of rules that are loaded and judged all the same.
    refused = "\n".join(line for line in said.splitlines() if "unknown field: " not in line)
    problems += [f"netsift complains about {rule.file}: {rule.title}" for rule in rules if rule.file in refused]

    titles = {rule.id: rule.title for rule in rules}
    for side, pairs in (("only pySigma", expected - actual), ("only netsift", actual - expected)):
        for rule, log, record in sorted(pairs):
            fields = json.dumps(records.get((log, record), "no such connection"), indent=2)
            problems.append(f"{side}: {titles.get(rule, 'no such rule')} ({rule}): {log}, record {record}: {fields}")
    for problem in problems:
        print(f"DIFFERENT: {problem}")

    agree = len(expected & actual)
    if not agree:
        problems.append("no pair agrees")
    print(f"{len(rules)} rules, {len(records)} records, {agree} pairs agree")
    print(f"{agree} passed, {len(problems)} failed")
    return not problems


# -- Synthetic connections -------------------------------------------------------------------------------------------

TYPICAL = {
    "Image": r"C:\Tools\client.exe", "User": r"HOST\user", "Protocol": "tcp", "Initiated": "true",
    "SourceIsIpv6": "false", "SourceIp": "10.0.2.15", "SourceHostname": "HOST", "SourcePort": "49700",
    "DestinationIsIpv6": "false", "DestinationIp": "93.184.216.34", "DestinationHostname": "www.example.org",
    "DestinationPort": "50123", "CommandLine": "client.exe --run", "ParentImage": r"C:\Tools\parent.exe",
}  # fmt: skip
OTHER = {"Initiated": "false", "SourceIsIpv6": "true", "DestinationIp": "0:0:0:0:0:0:0:2", "SourceIp": "198.51.100.7"}


def text_of(modifiers, values, turn):
    """A text that satisfies one detection item; which of its values, and in which case, goes by `turn`."""
    if "all" in modifiers:
        return "".join(map(str, values))
    value = values[turn % len(values)]
    if value is None:
        return None
    if "cidr" in modifiers:
        address = ipaddress.ip_network(value)[(0, -1)[turn % 2]]
        return as_sysmon_writes(address)
    text = str(value).lower() if isinstance(value, bool) else re.sub(r"\\([\\*?])", r"\1", str(value))
    return text.upper() if turn % 3 == 2 else text


def as_sysmon_writes(address):
    if address.version == 4:
        return str(address)
    return ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))


def satisfying(block, turn):
    """Fields that satisfy a block of a detection, as far as its items do not stand in each other's way."""
    if isinstance(block, list):
        block = block[turn % len(block)]
    fields = {}
    for field, modifiers, values in items(block):
        text = text_of(modifiers, values, turn)
        before = fields.get(field)
        if text is None:
            fields[field] = None
        elif before is not None:
            fields[field] = before + text if "startswith" not in modifiers else text + before
        elif "startswith" in modifiers:
            fields[field] = text + ("x" if turn % 2 else "")
        elif "endswith" in modifiers:
            fields[field] = ("C:\\Tools" if field == "Image" else "a") + text if turn % 2 else text
        elif "contains" in modifiers:
            fields[field] = f"{'a' * (turn % 2)}{text}{'b' * (turn % 3)}"
        else:
            fields[field] = text
    return fields


def synthesizable(rule):
    return not any("re" in modifiers for _, modifiers, _ in items(rule.detection))


def synthesize(rules):
    """Connections on either side of each rule without regular expressions, with the ids of all rules that match."""
    made = []
    for rule in filter(synthesizable, rules):
        blocks = {name: block for name, block in rule.detection.items() if name != "condition"}
        wanted = {name: block for name, block in blocks.items() if not name.startswith("filter")} or blocks
        for turn in range(4):
            hit = dict(TYPICAL)
            for block in wanted.values():
                hit |= satisfying(block, turn)
            made.append(hit)
        for field in sorted({field for block in wanted.values() for field, _, _ in items(block)}):
            made += [hit | {field: OTHER.get(field, "0")}, hit | {field: None}]
        for turn, name in enumerate(sorted(blocks.keys() - wanted.keys())[:8]):
            made.append(hit | satisfying(blocks[name], turn))
    made = [{field: text for field, text in fields.items() if text is not None} for fields in made]
    made = [json.loads(line) for line in dict.fromkeys(json.dumps(fields, sort_keys=True) for fields in made)]
    matches = [[] for _ in made]
    for rule, at in sorted(evaluate(rules, made)):
        matches[at].append(rule)
    return [{"fields": fields, "rule_ids": ids} for fields, ids in zip(made, matches)]


def write_synthetic(rules, out):
    """Writes synthetic.jsonl (fields) and expected.json (fields and rule ids); whether each rule matches some."""
    expected = synthesize(rules)
    lines = [json.dumps(one["fields"]) for one in expected]
    Path(out, "synthetic.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    Path(out, "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    hit = {rule for one in expected for rule in one["rule_ids"]}
    print(f"{len(expected)} synthetic connections, {sum(len(one['rule_ids']) for one in expected)} pairs")
    missed = [rule for rule in filter(synthesizable, rules) if rule.id not in hit]
    for rule in missed:
        print(f"FAILED: no synthetic connection matches {rule.file}")
    return not missed


# -- The self-test ---------------------------------------------------------------------------------------------------

# (detection, fields, whether they match), by hand from the Sigma specification.
BY_HAND = [
    ({"DestinationIp|cidr": "::1/128"}, {"DestinationIp": "0:0:0:0:0:0:0:1"}, True),
    ({"DestinationIp|cidr": "::1/128"}, {"DestinationIp": "0:0:0:0:0:0:0:10"}, False),
    ({"DestinationIp|cidr": "fe80::/10"}, {"DestinationIp": "febf:0:0:0:0:0:0:1"}, True),
    ({"DestinationIp|cidr": "fc00::/7"}, {"DestinationIp": "fe00:0:0:0:0:0:0:1"}, False),
    ({"DestinationIp|cidr": "172.16.0.0/12"}, {"DestinationIp": "172.31.255.255"}, True),
    ({"DestinationIp|cidr": "172.16.0.0/12"}, {"DestinationIp": "172.32.0.0"}, False),
    ({"DestinationIp|cidr": ["10.0.0.0/8", "::/0"]}, {"DestinationIp": "-"}, False),
    ({"DestinationIp": "::1"}, {"DestinationIp": "0:0:0:0:0:0:0:1"}, False),  # Text, without `cidr`.
    ({"DestinationPort": 443}, {"DestinationPort": "443"}, True),
    ({"DestinationPort": "443"}, {"DestinationPort": "443"}, True),
    ({"DestinationPort|gt": 1024}, {"DestinationPort": "445"}, False),
    ({"DestinationPort|lte": 1024}, {"DestinationPort": "1024"}, True),
    ({"DestinationPort|lte": 1024}, {}, False),
    ({"Initiated": True}, {"Initiated": "true"}, True),
    ({"Initiated": "true"}, {"Initiated": "false"}, False),
    ({"Image": r"c:\windows\x.EXE"}, {"Image": r"C:\Windows\X.exe"}, True),
    ({"User": "nt-autorität"}, {"User": "NT-AUTORITÄT"}, True),
    ({"User|contains": "rés"}, {"User": "SERVICE RÉSEAU"}, True),
    ({"Image|endswith": r"\x.exe"}, {"Image": r"C:\ax.exe"}, False),
    ({"Image|startswith": "C:\\Users\\"}, {"Image": r"C:\Users\a.exe"}, True),
    ({"Image|contains": "\\Temp\\"}, {"Image": r"C:\Temp"}, False),
    ({"Image": r"C:\a\\*"}, {"Image": r"C:\a\b.exe"}, True),
    ({"Image": r"C:\a\*"}, {"Image": r"C:\a\b.exe"}, False),  # A backslash takes its meaning from an asterisk.
    ({"Image": r"C:\a\*"}, {"Image": "C:\\a*"}, True),
    ({"Image|contains": "a_b%"}, {"Image": "axbc"}, False),  # No wildcards in Sigma.
    ({"Image|contains": "a_b%"}, {"Image": "xA_B%x"}, True),
    ({"Image": "a?c"}, {"Image": "abc"}, True),
    ({"Image": "a?c"}, {"Image": "ac"}, False),
    ({"Image": "it's"}, {"Image": "it's"}, True),
    ({"Image|contains|all": ["a", "b"]}, {"Image": "xbxa"}, True),
    ({"Image|contains|all": ["a", "b"]}, {"Image": "xax"}, False),
    ({"Image|cased": "Abc"}, {"Image": "abc"}, False),
    ({"Image|re": "b+"}, {"Image": "abba"}, True),
    ({"Image|re": "B+"}, {"Image": "abba"}, False),
    ({"Image": None}, {}, True),
    ({"Image": None}, {"Image": "a"}, False),
    ({"Image": ""}, {"Image": ""}, True),
    ({"Image": ""}, {}, False),
    ({"Image|exists": True}, {}, False),
    ({"a": {"Image": "a"}, "condition": "not a"}, {}, True),
    ({"a": [{"Image": "a"}, {"User": "b"}], "condition": "a"}, {"Image": "x", "User": "b"}, True),
    (
        {"s": {"Protocol": "tcp"}, "filter_main_a": {"Image": "a"}, "filter_main_b": {"User|endswith": "b"},
         "condition": "s and not 1 of filter_main_*"},
        {"Protocol": "tcp", "Image": "x"},
        True,
    ),
    (
        {"s": {"Protocol": "tcp"}, "filter_main_a": {"Image": "a"}, "filter_main_b": {"User|endswith": "b"},
         "condition": "s and not 1 of filter_main_*"},
        {"Protocol": "tcp", "Image": "x", "User": "ab"},
        False,
    ),
    ({"a": {"Image": "a"}, "b": {"User": "b"}, "condition": "all of them"}, {"Image": "a", "User": "c"}, False),
    ({"a": {"Image": "a"}, "b": {"User": "b"}, "condition": "1 of them"}, {"Image": "a", "User": "c"}, True),
]  # fmt: skip
# (rule file, log, EventRecordIDs), by hand from the rule and the log.
TUNNA = "tunna_iis_rdp_smb_tunneling_sysmon_3.evtx"
IN_SAMPLES = [
    # w3wp.exe to 127.0.0.1:3389, initiated; svchost.exe at the other end is not.
    ("net_connection_win_rdp_outbound_over_non_standard_tools.yml", TUNNA, {35076, 35079}),
    ("net_connection_win_rdp_reverse_tunnel.yml", TUNNA, set()),
    ("net_connection_win_regsvr32_network_activity.yml", "PanacheSysmon_vs_AtomicRedTeam01.evtx", {4043}),
    # To port 5985 and initiated, but from and to 127.0.0.1, which the rule filters.
    ("net_connection_win_susp_remote_powershell_session.yml", "RogueWinRM.evtx", set()),
    ("every_connection.yml", "sysmon_privesc_psexec_dwell.evtx", {549484, 549485}),
    ("cidr.yml", "discovery_sysmon_3_Invoke_UserHunter_SourceMachine.evtx", {32011, 32012, 32015}),
    ("cidr.yml", "babyshark_mimikatz_powershell.evtx", {17}),
    ("cidr.yml", "DE_remote_eventlog_svc_crash_byt3bl33d3r_sysmon_17_1_3.evtx", {7375, 7383, 7385}),
    ("numbers.yml", "LM_wmiexec_impacket_sysmon_whoami.evtx", {9825, 9831}),
    ("numbers.yml", "RogueWinRM.evtx", set()),
    ("cased.yml", "wmi_remote_registry_sysmon.evtx", {549599}),
    ("empty.yml", "sysmon_privesc_psexec_dwell.evtx", {549484}),
    ("not_local.yml", "faxhell_sysmon_7_1_18_3_bindshell_dllhijack.evtx", set()),
]


def self_test(rules, records):
    failed = 0
    for detection, fields, matches in BY_HAND:
        if isinstance(detection, dict) and "condition" not in detection:
            detection = {"s": detection, "condition": "s"}
        text = yaml.safe_dump({"title": "t", "logsource": {"category": "c"}, "detection": detection})
        rule = Rule("t", "t", "t", detection, queries(text))
        if bool(evaluate([rule], [fields])) != matches:
            failed += 1
            print(f"FAILED: {detection} {'matches not' if matches else 'matches'} {fields}: {rule.queries}")
    files = {rule.id: rule.file for rule in rules}
    found = {}
    for rule, log, record in expected_pairs(rules, records):
        found.setdefault((files[rule], log), set()).add(record)
    for (file, log), ids in sorted(found.items()):
        print(f"{file}: {log}: {', '.join(map(str, sorted(ids)))}")
    for file, log, ids in IN_SAMPLES:
        if found.get((file, log), set()) != ids:
            failed += 1
            print(f"FAILED: {file}, {log}: expected {sorted(ids)}")
    print(f"self-test: {len(BY_HAND) + len(IN_SAMPLES) - failed} as expected, {failed} not")
    return not failed


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--samples", required=True, help="the folder of logs")
    options.add_argument("--rules", action="append", required=True, help="a folder of rules; repeatable")
    options.add_argument("--self-test", action="store_true", help="print the pairs, check some by hand")
    options.add_argument("--events", help="what netsift wrote with --events")
    options.add_argument("--stderr", help="what netsift wrote to standard error")
    options.add_argument("--synthetic", help="the folder for synthetic connections and their verdicts")
    options = options.parse_args()

    rules, skipped = load_rules(options.rules)
    records = read_connections(options.samples)
    good = True
    if options.self_test:
        good &= self_test(rules, records)
    if options.synthetic:
        good &= write_synthetic(rules, options.synthetic)
    if options.events:
        good &= compare(rules, skipped, records, options.events, options.stderr)
    sys.exit(0 if good else 1)


main()
