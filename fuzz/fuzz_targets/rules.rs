//! A file of Sigma rules: it is refused, or its verdicts over a log are the same with and without every short cut.

#![no_main]

use std::{collections::BTreeSet, env, fs, process};

use clap::Parser;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use netsift::inside::{
    args::{Args, Command},
    config::{Builtin, Config},
    decoder::Decoder,
    findings::Findings,
    hit::Hit,
    plan::{Decoding, Plan},
    sift::Sifter,
};

const LOG: &[u8] = include_bytes!("../../testdata/case/WS02/sysmon-export.evtx");

fuzz_target!(|rules: &str| {
    let path = env::temp_dir().join(format!("netsift-fuzz-{}.yml", process::id()));
    fs::write(&path, rules).unwrap();
    let path = path.to_str().unwrap();
    let line = ["netsift", "detect", "--rule", "none", "--rules", path, "--events", "x", "x"];
    let Command::Detect(args) = Args::parse_from(line).command else { unreachable!() };
    // A correlation that cannot be evaluated ends a run.
    let Ok(config) = Config::new(args, Builtin::Default, Vec::new(), Timestamp::UNIX_EPOCH) else { return };
    let slow = Plan { decoding: Decoding::Everything, ..config.plan.clone() };
    assert_eq!(hits(&config.plan), hits(&slow));
});

fn hits(plan: &Plan) -> BTreeSet<Hit> {
    let decoder = Decoder::new(plan.terms.carving);
    let mut findings = Findings::new(plan);
    let mut sifter = Sifter::new(plan, &decoder, "log", 0, &mut findings);
    sifter.block(0, LOG, &mut |_| Vec::new());
    sifter.finish();
    findings.hits.into_sorted().unwrap().pass().unwrap().map(Result::unwrap).collect()
}
