//! A [`Plan`]: a connection, from which its record is written, and the row and the verdicts that the tool must give.

use crate::evtx_writer::{Event, Value, time};

/// Of a process of which nothing is known.
pub const UNKNOWN: &str = ",,,,,,,,,,,,,none";

/// A record, and for a connection the row and the verdicts that it must have.
pub struct Planned {
    pub event: Event,
    pub row: Option<Row>,
}

pub struct Row {
    /// The fields as they stand in the report.
    pub fields: String,
    /// What `--context` adds.
    pub context: String,
    pub time: u64,
    pub hit_special: bool,
    pub hit_splunk: bool,
}

pub struct Plan {
    pub host: &'static str,
    pub image: &'static str,
    pub user: &'static str,
    pub guid: String,
    pub id: u32,
    /// Address and port.
    pub src: (&'static str, u16),
    /// As it stands in the log, and in the report.
    pub dest: (&'static str, &'static str),
    pub dest_name: &'static str,
    pub port: u16,
    pub transport: &'static str,
    pub outbound: bool,
    /// Seconds after the first.
    pub at: i64,
    /// With `--exclusions special` and with `--exclusions splunk`.
    pub hits: (bool, bool),
    /// What `--context` adds.
    pub context: String,
}

pub const MISS: (bool, bool) = (false, false);

pub const REGSVCS: &str = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe";

impl Default for Plan {
    fn default() -> Self {
        Self {
            host: "WS01.corp.example",
            image: REGSVCS,
            user: r"CORP\alice",
            guid: "11223344-5566-7788-99aa-bbccddeeff00".to_owned(),
            id: 4321,
            src: ("10.1.2.3", 50_123),
            dest: ("8.8.8.8", "8.8.8.8"),
            dest_name: "-",
            port: 443,
            transport: "tcp",
            outbound: true,
            at: 0,
            hits: (true, true),
            context: UNKNOWN.to_owned(),
        }
    }
}

impl Plan {
    pub fn planned(self) -> Planned {
        let Self { host, image, user, guid, id, src, dest, dest_name, port, transport, outbound, at, hits, context } =
            self;
        let (src_ip, src_port) = src;
        let event = logged(Event::connection().on(host), at)
            .image(image)
            .with("UtcTime", &*utc_time(at))
            .with("ProcessGuid", Value::Guid(guid.clone()))
            .with("ProcessId", Value::U32(id))
            .with("SourceIp", src_ip)
            .with("SourcePort", Value::U16(src_port))
            .dest(dest.0)
            .with("User", user)
            .with("Protocol", transport)
            .with("Initiated", Value::Bool(outbound))
            .with("SourceHostname", host)
            .with("DestinationHostname", dest_name)
            .with("DestinationPort", Value::U16(port));
        let name = image.rsplit('\\').next().unwrap();
        let direction = if outbound { "outbound" } else { "inbound" };
        let version = if dest.1.contains(':') { "ipv6" } else { "ipv4" };
        let dest_name = if dest_name == "-" { dest.1 } else { dest_name };
        let fields = format!(
            "allowed,{image},{dest_name},{},{port},{direction},{host},ip,{version},{host},{src_ip},{src_port},{transport},\
             {user},Microsoft Sysmon,{name},{name},{{{}}},{id}",
            dest.1,
            guid.to_uppercase()
        );
        let row = Row { fields, context, time: moment(at), hit_special: hits.0, hit_splunk: hits.1 };
        Planned { event, row: Some(row) }
    }
}

/// So many seconds after the first.
pub fn moment(at: i64) -> u64 {
    time(0).checked_add_signed(at * 10_000_000).unwrap()
}

/// The same event, logged then.
pub fn logged(mut event: Event, at: i64) -> Event {
    event.time = moment(at);
    event.header_time = moment(at + 2);
    event
}

/// That time as Sysmon writes it: to the millisecond.
pub fn utc_time(at: i64) -> String {
    rfc3339(moment(at))[..23].replace('T', " ")
}

pub fn no_connection(event: Event) -> Planned {
    Planned { event, row: None }
}

/// As the report shows a FILETIME.
pub fn rfc3339(filetime: u64) -> String {
    let since_1970 = i64::try_from(filetime).unwrap() - 116_444_736_000_000_000;
    let seconds = jiff::Timestamp::from_second(since_1970 / 10_000_000).unwrap();
    format!("{}.{:07}Z", seconds.to_string().trim_end_matches('Z'), since_1970 % 10_000_000)
}
