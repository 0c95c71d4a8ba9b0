"""Scans event logs under any path that Spark can read with `netsift`, on all executors, and merges what is found: the
groups are those of one `netsift` over the same logs.

The driver lists logs (here). Tasks scan them (scan_task.py), and Spark writes what they find to OUT/scan, so that a
task that is tried again counts once. The report is made from that (groups.py). What is found is netsift's concern.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

import groups
import scan_task
from scan_task import Failed, local_path, printable, shown_path

NAMES = (".evtx", ".zip", ".gz", ".tgz")
# A small log costs a task as much as reading this many bytes: a process is started for it.
LEAST_COST = 4 << 20
# How many defects are told; all are in the table.
TOLD = 20
THE_JOB_WRITES = "the job writes the report"
ITS_FORM = "the report's form is the job's own"
REFUSED = {
    "--dedup": "copies would be dropped in each log by itself; a log that is there twice counts once anyway",
    "--follow": "symbolic links are not followed",
    "--threads": "Spark's spark.task.cpus says it",
    **dict.fromkeys(("--output", "--partial", "--events", "--html"), THE_JOB_WRITES),
    **dict.fromkeys(("--manifest", "--manifest-run-info"), THE_JOB_WRITES),
    **dict.fromkeys(("--format", "--time-format", "--bom", "--raw-cells"), ITS_FORM),
}


def main() -> int:
    """Exit status: 0 all was read; 1 there is no report; 2 the command line is wrong; 3 some could not be read."""
    args = arguments()
    try:
        facts = ask_netsift(args)
        spark = SparkSession.builder.appName("netsift").config("spark.sql.session.timeZone", "UTC").getOrCreate()
        logs, unread = find_logs(spark, args)
        refuse_output(spark, args, logs)
    except Failed as error:
        tell([error.cause])
        return 2 if error.status == 2 else 1
    scanned = scan(spark, args, logs, facts["group_by"])
    return write(spark, scanned, facts, unread, args.output)


def arguments() -> argparse.Namespace:
    line = sys.argv[1:]
    end = line.index("--") if "--" in line else len(line)
    parser = argparse.ArgumentParser(prog="netsift_spark.py", epilog="What follows -- is for netsift, for example "
                                     "-- --process mshta.exe --group-by dvc,app,dest")
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a log, an archive of logs, or a folder of either")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help="the folder for the report")
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")
    parser.add_argument("--command", choices=("detect", "connections"), default="detect")
    parser.add_argument("--netsift", default="netsift", metavar="FILE", help="the program, as executors can run it")
    parser.add_argument("--ship", action="append", default=[], metavar="FILE", help="send FILE to the executors, where "
                        "options name it without its folder; a .zip or .tgz as a folder without the ending; repeatable")
    parser.add_argument("--scratch", metavar="DIR", help="where executors put copies of logs [default: Spark's folder]")
    parser.add_argument("--copy", action="store_true", help="also copy logs that have a local path")
    parser.add_argument("--max-log-size", type=size, default="64GiB", metavar="SIZE", help="[default: 64GiB]")
    parser.add_argument("--task-size", type=size, default="1GiB", metavar="SIZE",
                        help="how much of small logs is one task [default: 1GiB]")
    args = parser.parse_args(line[:end])
    args.options = line[end + 1:]
    args.output = args.output.rstrip("/")
    program = shutil.which(args.netsift)
    if program is None:
        parser.error(f"--netsift {args.netsift}: no such program; give its path, for example --netsift ./netsift")
    args.netsift = os.path.abspath(program)
    for file in (file for file in args.ship if not os.path.isfile(file)):
        parser.error(f"--ship {file}: no such file; give one, for example --ship offices.txt, a folder as a .zip")
    check_options(parser, args.options)
    return args


def size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMGT]?)(iB|B)?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: give bytes or a unit, for example 512MiB or 4GiB")
    return int(found[1]) << 10 * " KMGT".index(found[2] or " ")


def check_options(parser: argparse.ArgumentParser, options: list[str]) -> None:
    """Refuses what would be another thing for each log than for all of them, and what the job decides."""
    before = ""
    for option in options:
        name, _, value = option.partition("=")
        if name in REFUSED:
            parser.error(f"{name}: {REFUSED[name]}")
        if re.match(r"-[a-zA-Z]*o", option):
            parser.error(f"-o: {THE_JOB_WRITES}")
        if option.startswith("@") and not before.endswith("-cidr"):
            parser.error(f"{option}: give the options themselves")
        instant = value if name in ("--since", "--until") else option if before in ("--since", "--until") else ""
        if re.fullmatch(r"\d+[a-z]", instant):
            parser.error(f"{instant}: every task would have another now; give an instant: 2024-03-05T14:00:00Z")
        before = name


def ask_netsift(args: argparse.Namespace) -> dict:
    """What netsift makes of its options, told by a log without records. Wrong ones fail here, before there is a job."""
    with tempfile.TemporaryDirectory(prefix="netsift-") as folder:
        shipped = Path(folder, "shipped")
        shipped.mkdir()
        for file in args.ship:
            name = unpacked_name(file)
            shutil.unpack_archive(file, shipped / name) if name else shutil.copy(file, shipped)
        log = scan_task.write_empty_log(folder)
        scan_task.run([args.netsift, args.command, *args.options], [str(log)], folder, str(shipped))
        facts = scan_task.facts_of(pq.ParquetFile(Path(folder, "partial")))
    if len(facts["sources"]) != 1 or facts["defects"]["counts"]:
        raise Failed(None, f"{' '.join(args.options)}: there is a path in it; give paths before --")
    for rule in facts["rules"]["infos"]:
        if re.search(r"^correlation:", rule["text"], re.MULTILINE):
            raise Failed(None, f"{rule['title']}: a correlation is of all logs together, and each is scanned by itself")
    tell(facts["refused"])
    return facts


def unpacked_name(file: str) -> str | None:
    """Of an archive: the folder that it becomes."""
    found = re.fullmatch(r"(.+)\.(?:zip|tar\.gz|tgz)", os.path.basename(file))
    return found[1] if found else None


# --- what there is ---


def find_logs(spark: SparkSession, args: argparse.Namespace) -> tuple[list, list]:
    """The logs and archives, each once, as (path, size, whether it was given itself); what cannot be read, and why."""
    logs, unread = {}, []
    for given in args.paths:
        try:
            path, files = on_hadoop(spark, given)
            status = files.getFileStatus(path)
            if status.isFile():
                logs[path.toString()] = (path.toString(), status.getLen(), True)
            else:
                walk(files, path, logs, unread)
        except Exception as error:  # What Java throws is a Py4JJavaError, whatever it is.
            unread.append((given, cause_of(error)))
    too_large = [log for log in logs.values() if log[1] > args.max_log_size]
    unread += [(path, f"{length} bytes: more than --max-log-size") for path, length, _ in too_large]
    logs = sorted(set(logs.values()) - set(too_large))
    if not logs:
        tell(f"{shown_path(path)}: {cause}" for path, cause in unread)
        raise Failed(None, "no event log found: give a log, an archive of logs, or a folder with either")
    return logs, unread


def walk(files, root, logs: dict, unread: list) -> None:
    """Adds what is named as a log or an archive under a folder. Symbolic links are not followed."""
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            entries = list(files.listStatus(folder))
        except Exception as error:
            unread.append((folder.toString(), cause_of(error)))
            continue
        for status in entries:
            name = status.getPath().toString()
            if status.isSymlink() or os.path.islink(local_path(name) or ""):
                continue
            if status.isDirectory():
                folders.append(status.getPath())
            elif name.lower().endswith(NAMES):
                logs.setdefault(name, (name, status.getLen(), False))


def on_hadoop(spark: SparkSession, path: str):
    """A path in full, and the file system that it is of."""
    context = spark.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(path)
    files = path.getFileSystem(context._jsc.hadoopConfiguration())
    return files.makeQualified(path), files


def cause_of(error: Exception) -> str:
    java = getattr(error, "java_exception", None)
    return printable(str(error) if java is None else java.toString())


def refuse_output(spark: SparkSession, args: argparse.Namespace, logs: list) -> None:
    """The report replaces nothing unless it may, and never a folder with logs."""
    out, files = on_hadoop(spark, args.output)
    if files.exists(out) and not args.force:
        raise Failed(None, f"{shown_path(args.output)}: exists already; --force replaces the report there")
    inside = [path for path, _, _ in logs if path.startswith(f"{out.toString()}/") or path == out.toString()]
    if inside:
        raise Failed(None, f"{shown_path(args.output)}: {shown_path(inside[0])} is there, and is a log to be read")


# --- what is done about it ---


def scan(spark: SparkSession, args: argparse.Namespace, logs: list, fields: list[str]) -> DataFrame:
    """The table of what is in the logs, once Spark has written it."""
    context = spark.sparkContext
    context.setLogLevel("WARN")
    for module in (scan_task, groups):
        context.addPyFile(module.__file__)
    context.addFile(args.netsift)
    for file in args.ship:
        name = unpacked_name(file)
        context.addArchive(f"{file}#{name}") if name else context.addFile(file)
    settings = context.broadcast({
        "command": [os.path.basename(args.netsift), args.command, *args.options],
        "threads": context.getConf().get("spark.task.cpus", "1"),
        "attempts": attempts(context),
        "scratch": args.scratch,
        "copy": args.copy,
        "fields": fields,
        "hadoop": configuration(context),
    })
    tasks = bundles(logs, args.task_size)
    rows = context.parallelize(tasks, len(tasks)).flatMap(list)
    table = spark.createDataFrame(rows, "path string, size long, given boolean")
    # An executor tells the tasks its own Java and classes, with which they read what has no local path.
    of_java = "java_method('java.lang.System', 'getProperty', '{}') as {}"
    table = table.selectExpr("*", of_java.format("java.home", "java"), of_java.format("java.class.path", "classes"))
    schema = ", ".join(f"`{name}` {kind}" for name, kind in scan_task.columns(fields).items())
    scanned = table.mapInArrow(lambda batches: scan_task.scan_all(batches, settings.value), schema)
    scanned.write.mode("overwrite").partitionBy("kind").parquet(f"{args.output}/scan")
    return spark.read.schema(schema).parquet(f"{args.output}/scan")


def bundles(logs: list, limit: int) -> list[list]:
    """The logs as tasks: the largest first, small ones together."""
    tasks, room = [], 0
    for log in sorted(logs, key=lambda log: (-log[1], log[0])):
        cost = max(log[1], LEAST_COST)
        if cost > room:
            tasks.append([])
            room = limit
        tasks[-1].append(log)
        room -= cost
    return tasks


def attempts(context) -> int:
    """How often Spark tries a task. A local master has its own number."""
    local = re.fullmatch(r"local(?:\[[^,]*(?:, *(\d+))?\])?", context.master)
    return int(local[1] or 1) if local else int(context.getConf().get("spark.task.maxFailures", "4"))


def configuration(context) -> str:
    """Hadoop's configuration as XML."""
    text = context._jvm.java.io.StringWriter()
    context._jsc.hadoopConfiguration().writeXml(text)
    return text.toString()


def write(spark: SparkSession, scanned: DataFrame, facts: dict, unread: list, out: str) -> int:
    """Writes the report and what there is to say about it, and says it."""
    copies = groups.repeated(scanned).cache()
    groups.merged(scanned, copies, facts).write.mode("overwrite").parquet(f"{out}/report")
    report = spark.read.parquet(f"{out}/report")
    of_rule = [name for name in groups.RULE if name in report.columns]
    groups.write_csv(report, f"{out}/report.csv", ["firstTime", *facts["group_by"], *of_rule, "lastTime", "count"])
    shown = [F.expr(groups.shown(path)).alias(path) for path in ("log", "owner")]
    groups.write_csv(copies.select("source", "sha256", *shown), f"{out}/repeated.csv", ["source", "log"])
    not_listed = [(shown_path(path), cause) for path, cause in unread]
    not_listed = spark.createDataFrame(not_listed, "log string, message string")
    defects = groups.defects(scanned, copies, not_listed).cache()
    groups.write_csv(defects, f"{out}/defects.csv", groups.DEFECT)

    searched, failed, logs = scanned.selectExpr(*groups.COUNTED).first()
    hits, rows = report.select(F.coalesce(F.sum("count"), F.lit(0)), F.count("*")).first()
    wrong = defects.count()
    tell([
        f"searched  {searched} files with {logs} logs in them; {failed + len(unread)} could not be read",
        f"found     {hits} hits in {rows} groups",
        f"copies    {copies.count()} logs did not count again: {printable(out)}/repeated.csv",
        f"defects   {wrong}: {printable(out)}/defects.csv",
        *(groups.told(defect) for defect in defects.orderBy(*groups.DEFECT).limit(TOLD).collect()),
        *([f"and {wrong - TOLD} more"] if wrong > TOLD else []),
    ])
    return 3 if wrong else 0


def tell(lines) -> None:
    for line in lines:
        print(f"netsift: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
