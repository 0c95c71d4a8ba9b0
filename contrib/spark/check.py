"""Holds reports of the job against those of netsift: test.sh starts it, with Spark's local mode.

Each case runs the job as a user would, in one session, and compares bytes with what netsift writes over the same logs.
"""

from __future__ import annotations

import contextlib
import csv
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import groups
import netsift_spark

HERE = Path(__file__).resolve().parent
CASE = HERE.parent.parent / "testdata" / "case"
FLAKY = """#!/usr/bin/env bash
# Kills itself the first time that a task runs it, and the task the second time; one log it never reads.
if [[ " $* " == *" --follow "* ]]; then
    mkdir {marks}/first 2> /dev/null && kill -9 $$
    mkdir {marks}/second 2> /dev/null && kill -9 $PPID
    if [[ -e ${{!#}}/never.evtx ]]; then
        echo "netsift: ${{!#}}/never.evtx: made up" >&2
        exit 1
    fi
fi
exec {netsift} "$@"
"""


def main() -> None:
    netsift, work = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    times_are_those_of_a_report()
    groups_are_those_of_one_run(netsift, work)
    nothing_is_lost_or_counted_twice(netsift, work)
    wrong_options_fail_before_there_is_a_job(netsift, work)


def times_are_those_of_a_report() -> None:
    """Of times that 64 bits of nanoseconds hold, and of those that are text since they do not."""
    spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    cases = [
        (None, None, ""),
        (0, None, "1970-01-01T00:00:00.0000000Z"),
        (-1, None, "1969-12-31T23:59:59.9999999Z"),
        (1709647629123456789, None, "2024-03-05T14:07:09.1234567Z"),
        (None, "0000-01-01T00:00:00Z", "0000-01-01T00:00:00.0000000Z"),
        (None, "1601-01-01T00:00:00.0000001Z", "1601-01-01T00:00:00.0000001Z"),
        (None, "9998-12-31T23:59:59.123456789Z", "9998-12-31T23:59:59.1234567Z"),
    ]
    numbered = [(number, *case[:2]) for number, case in enumerate(cases)]
    table = spark.createDataFrame(numbered, "number int, first bigint, first_text string")
    table = table.withColumn("first", F.expr(groups.nanoseconds("first"))).orderBy("number")
    expect([row.text for row in table.selectExpr(f"{groups.text_of('first')} as text").collect()],
           [case[2] for case in cases], "")


def groups_are_those_of_one_run(netsift: Path, work: Path) -> None:
    status, told = job(CASE, "-o", work / "case", "--netsift", netsift)
    expect(status, 0, told)
    expect(written(work / "case" / "report.csv"), run(netsift, "detect", CASE), told)
    expect(rows(work / "case" / "defects.csv"), [], told)


def nothing_is_lost_or_counted_twice(netsift: Path, work: Path) -> None:
    """A process and a task are killed; a log is damaged, one cannot be read, one is there twice, names are hostile."""
    logs, partials, scratch = work / "logs", work / "partials", work / "scratch"
    make_logs(logs)
    for folder in (partials, scratch, work / "marks"):
        folder.mkdir()
    flaky = work / "flaky"
    flaky.write_text(FLAKY.format(netsift=netsift, marks=work / "marks"))
    flaky.chmod(0o755)
    (work / "offices.txt").write_text("198.41.0.0/24\n")
    options = ["--recover", "--exclude-cidr", "@offices.txt", "--group-by", "dvc,user,dest,dest_port,process_name"]

    status, told = job(logs, logs / "gone", "-o", work / "hard", "--netsift", flaky, "--command", "connections",
                       "--copy", "--scratch", scratch, "--ship", work / "offices.txt", "--", *options)
    expect(status, 3, told)
    expect([path.name for path in sorted((work / "marks").iterdir())], ["first", "second"], told)
    expect(list(scratch.iterdir()), [], told)
    readable = sorted(path for path in logs.rglob("*") if path.is_file() and path.name != "never.evtx")
    for number, log in enumerate(readable):
        run(netsift, "connections", *options, "--partial", partials / f"{number}.parquet", log, cwd=work)
    expect(written(work / "hard" / "report.csv"), run(netsift, "merge", partials), told)

    failed = [row for row in rows(work / "hard" / "defects.csv") if not row["source"]]
    expect([(row["log"], row["status"], row["message"]) for row in failed if row["status"]],
           [(f"{logs}/never.evtx", "1", f"{logs}/never.evtx: made up (exit status 1)")], told)
    expect([row["log"] for row in failed if not row["status"]], [f"{logs}/gone"], told)
    damaged = [row for row in rows(work / "hard" / "defects.csv") if row["source"]]
    expect({(row["source"], row["status"]) for row in damaged}, {(f"{logs}/damaged.evtx", "3")}, told)
    expect([row["source"] for row in rows(work / "hard" / "repeated.csv")], [f"{logs}/twice.evtx"], told)


def make_logs(logs: Path) -> None:
    logs.mkdir()
    first, second, third, fourth, *_ = sorted(path for path in CASE.rglob("*.evtx"))
    # A folder and a file that Spark's own listing leaves out, and what Hadoop would take for a pattern.
    hidden = logs / "_hidden [1] {a,b}*?"
    hidden.mkdir()
    shutil.copy(first, hidden / ".Sysmon%4 \\ü^.EVTX")
    shutil.copy(hidden / ".Sysmon%4 \\ü^.EVTX", logs / "twice.evtx")
    shutil.copy(second, logs / "never.evtx")
    damaged = bytearray(third.read_bytes())
    damaged[4096 + 1000:4096 + 1100] = bytes(100)
    (logs / "damaged.evtx").write_bytes(damaged)
    with zipfile.ZipFile(logs / "case.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(fourth, "C/Windows/Sysmon.evtx")
    with zipfile.ZipFile(logs / "without.zip", "w") as archive:
        archive.writestr("readme.txt", "no log")


def wrong_options_fail_before_there_is_a_job(netsift: Path, work: Path) -> None:
    for options, cause in [
        (["--group-by", "colour"], "colour"),
        (["--dedup"], "--dedup: "),
        (["--since", "7d"], "give an instant"),
        (["-qo", "x"], "-o: "),
        ([CASE], "give paths before --"),
    ]:
        status, told = job(CASE, "-o", work / "wrong", "--netsift", netsift, "--", *options)
        expect((status in (1, 2), cause in told, (work / "wrong").exists()), (True, True, False), told)
    status, told = job(CASE, "-o", work / "case", "--netsift", netsift)
    expect((status, "--force" in told), (1, True), told)


def job(*arguments) -> tuple[int, str]:
    """Runs the job; its exit status, and what it says."""
    sys.argv = ["netsift_spark.py", *map(str, arguments)]
    with contextlib.redirect_stderr(io.StringIO()) as told:
        try:
            status = netsift_spark.main()
        except SystemExit as exit_:
            status = exit_.code
    return status, told.getvalue()


def run(netsift: Path, *arguments, cwd: Path | None = None) -> bytes:
    ran = subprocess.run([netsift, *map(str, arguments)], cwd=cwd, capture_output=True, check=False)
    if ran.returncode not in (0, 3) and b"no event log found" not in ran.stderr:
        sys.exit(f"{arguments}: {ran.stderr.decode()}")
    return ran.stdout


def written(folder: Path) -> bytes:
    return b"".join(part.read_bytes() for part in sorted(folder.glob("part-*")))


def rows(folder: Path) -> list[dict]:
    return list(csv.DictReader(io.StringIO(written(folder).decode())))


def expect(found, expected, told: str) -> None:
    if found != expected:
        sys.exit(f"{told}\nexpected: {expected!r}\nfound:    {found!r}")


if __name__ == "__main__":
    main()
