//! Logs in which most records are connections, for `benches/compare.sh`: what a host writes that logs all of them.
//!
//! usage: `cargo bench --bench dense -- FOLDER` writes eight logs of 64 MiB each to a folder. They are the same each time.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    dead_code,
    reason = "a benchmark panics, and has the test writer in it"
)]

use std::{env, fs, path::Path};

#[path = "../tests/cli/evtx_writer.rs"]
mod evtx_writer;

use evtx_writer::{Event, Value};

const LOGS: u64 = 8;
const SIZE: usize = 64 << 20;
/// Events that are written at once. A log is made of several.
const EVENTS: usize = 20_000;
const HEADER: usize = 4096;

const PROCESSES: [(&str, &str); 8] = [
    (r"C:\Windows\System32\svchost.exe", r"NT AUTHORITY\NETWORK SERVICE"),
    (r"C:\Program Files\Google\Chrome\Application\chrome.exe", r"CORP\alice"),
    (r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe", r"CORP\alice"),
    (r"C:\Windows\System32\lsass.exe", r"NT AUTHORITY\SYSTEM"),
    (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", r"CORP\bob"),
    (r"C:\Users\alice\AppData\Local\Microsoft\Teams\current\Teams.exe", r"CORP\alice"),
    (r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE", r"CORP\alice"),
    (r"System", r"NT AUTHORITY\SYSTEM"),
];
const PORTS: [u16; 6] = [443, 80, 53, 445, 389, 88];

/// The same numbers each time.
struct Random(u64);

impl Random {
    /// A number below another. Squared, so that some are met far more often than others.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let number = self.0 % end;
        number * number / end
    }
}

fn event(random: &mut Random, computer: &str, host: u64, number: u64) -> Event {
    let process = random.below(200);
    let (image, user) = PROCESSES[process as usize % PROCESSES.len()];
    let guid = Value::Guid(format!("747F3D96-{host:04X}-5FD2-0000-0010{process:08X}"));
    let at = number / 40;
    if number.is_multiple_of(11) {
        return Event::sysmon(5, 3)
            .on(computer)
            .at(at)
            .with("RuleName", "-")
            .with("UtcTime", "2024-03-05 14:07:09.123")
            .with("ProcessGuid", guid)
            .with("ProcessId", Value::U32(1000 + process as u32))
            .with("Image", image);
    }
    let dest = random.below(3000);
    let address =
        format!("{}.{}.{}.{}", [13, 20, 52, 104, 142][dest as usize % 5], dest / 250 + 10, dest % 250, dest % 199);
    let port = PORTS[random.below(PORTS.len() as u64) as usize];
    Event::connection()
        .on(computer)
        .at(at)
        .image(image)
        .dest(&address)
        .with("User", user)
        .with("ProcessGuid", guid)
        .with("ProcessId", Value::U32(1000 + process as u32))
        .with("SourceHostname", computer)
        .with("SourcePort", Value::U16(49_152 + random.below(16_384) as u16))
        .with("DestinationPort", Value::U16(port))
        .with(
            "DestinationHostname",
            if dest.is_multiple_of(3) { format!("edge-{dest}.example.net") } else { "-".to_owned() }.as_str(),
        )
}

/// Writes a log, as long as it is to be: what is behind the first header is chunks of several logs, one after another.
fn write(path: &Path, host: u64) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ host);
    let computer = format!("WS{host:02}.corp.example");
    let (mut all, mut number) = (Vec::with_capacity(SIZE), 0);
    while all.len() < SIZE {
        let events: Vec<Event> =
            (number..number + EVENTS as u64).map(|number| event(&mut random, &computer, host, number)).collect();
        number += EVENTS as u64;
        let log = evtx_writer::log(&events).0;
        all.extend(&log[if all.is_empty() { 0 } else { HEADER }..]);
    }
    all.truncate(SIZE);
    fs::write(path, all).unwrap();
}

fn main() {
    // Cargo adds an argument of its own.
    let folder = env::args().skip(1).find(|argument| argument != "--bench").unwrap();
    fs::create_dir_all(&folder).unwrap();
    for host in 0..LOGS {
        write(&Path::new(&folder).join(format!("WS{host:02}-Sysmon.evtx")), host);
    }
}
