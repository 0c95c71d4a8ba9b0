//! Verdicts of rules by short cuts, against every rule evaluated by itself for every connection: each case of
//! [`crate::case`] runs both ways and compares the reports, here over connections that are made to confuse short cuts.

use rsigma_parser::SigmaRule;

use crate::{
    case::{Case, Ran, detect},
    evtx_writer::{Event, Value},
    sigma::{collection, near_misses, ways},
};

/// Numbers that look drawn, the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// Values that are nearly the same, or that rules may take for the same; `None` is a field that is not there.
fn values() -> Vec<(&'static str, Vec<Option<Value>>)> {
    let texts = |texts: &[&str]| texts.iter().map(|&text| Some(text.into())).collect::<Vec<_>>();
    let ports = |more: &[&str]| {
        let numbers = [3389, 22, 50000, 50001, 0].map(|port| Some(Value::U16(port)));
        [numbers.to_vec(), texts(more), vec![None]].concat()
    };
    let images = [
        r"C:\x\kit.exe",
        r"C:\X\KIT.EXE",
        "C:\\x\\\u{212a}it.exe",
        r"C:\x\TOOL.exe",
        r"C:\x\tool.exe",
        r"C:\x\ÄB.exe",
        r"c:\x\äb.exe",
        r"C:\x\kit.exe\other",
        "",
    ];
    let hosts = ["a.example", "A.EXAMPLE", "b.example", "*", "evil", "-", ""];
    vec![
        ("Image", [texts(&images), vec![None]].concat()),
        ("SourcePort", ports(&["3389", "03389", "3389.0", "0xd3d", "٣٣٨٩", "", "50000 "])),
        ("DestinationPort", ports(&["443", "1e3", "-1"])),
        ("DestinationIp", texts(&["10.1.1.1", "::ffff:10.1.1.1", "9.9.9.9", "0:0:0:0:0:0:0:1", "10.1.1", ""])),
        ("DestinationHostname", texts(&hosts)),
        ("SourceHostname", [texts(&hosts), vec![None]].concat()),
        ("User", [texts(&[r"NT AUTHORITY\SYSTEM", "evil", ""]), vec![None]].concat()),
        ("Initiated", [vec![Some(Value::Bool(true)), Some(Value::Bool(false)), None], texts(&["TRUE", "1"])].concat()),
        ("UtcTime", texts(&["2024-03-05 14:07:05.001", "2024-03-05 03:07:05.001", "2024-03-05T03:07:05Z"])),
    ]
}

/// Fields on which others are made to depend.
const FIELDS: [&str; 4] = ["RuleName", "SourcePort", "User", "Image"];

/// Connections of such values, most of them several times with one field changed.
fn confusing_connections(count: usize) -> Vec<Event> {
    let (values, mut draw) = (values(), Draw(7));
    let mut event = Event::connection();
    let mut events = Vec::new();
    for number in 0..count {
        let (name, values) = &values[draw.below(values.len())];
        event = match &values[draw.below(values.len())] {
            Some(value) => event.with(name, value.clone()),
            None => event.without(name),
        };
        // Templates that Windows does not write.
        match draw.below(12) {
            0 => event = event.with(name, Value::Null),
            1 => event = event.depending(name, FIELDS[draw.below(FIELDS.len())]),
            2 => event.depending.clear(),
            3 => event.level_shows_data = !event.level_shows_data,
            _ => {}
        }
        events.push(event.clone().at(number as u64 % 50));
    }
    events
}

/// What rules can ask of a connection.
const DETECTIONS: [(&str, &str); 24] = [
    ("Ending", "s: {Image|endswith: '\\kit.exe'}\n  condition: s"),
    ("Letters", "s: {Image|contains: 'äB'}\n  condition: s"),
    ("Cased", "s: {Image|contains|cased: 'TOOL'}\n  condition: s"),
    ("Expression", "s: {Image|re: '^C:.*[a-z]+\\.exe$'}\n  condition: s"),
    ("Whole", "s: {Image: 'c:\\x\\KIT.exe'}\n  condition: s"),
    ("Network", "s: {DestinationIp|cidr: ['10.0.0.0/8', '::1/128']}\n  condition: s"),
    ("Address", "s: {DestinationIp: '9.9.9.9'}\n  condition: s"),
    ("There", "s: {User|exists: true}\n  condition: s"),
    ("Not There", "s: {SourcePort|exists: false}\n  condition: s"),
    ("Null", "s: {User: null}\n  condition: s"),
    ("Empty", "s: {SourcePort: ''}\n  condition: s"),
    ("Reference", "s: {DestinationHostname|fieldref: SourceHostname}\n  condition: s"),
    ("Port", "s: {SourcePort: [3389, 22]}\n  condition: s"),
    ("Port As Text", "s: {SourcePort: '3389'}\n  condition: s"),
    ("Ports From", "s: {DestinationPort|gte: 1024}\n  condition: s"),
    ("Start Of Port", "s: {SourcePort|startswith: '5000'}\n  condition: s"),
    ("Wildcard", "s: {DestinationHostname: '?.exa*'}\n  condition: s"),
    ("Star", "s: {DestinationHostname: '\\*'}\n  condition: s"),
    ("Flag", "s: {Initiated: 'true'}\n  condition: s"),
    ("Truth", "s: {Initiated: true}\n  condition: s"),
    ("Not This", "s: {SourcePort: 3389}\n  f: {DestinationPort: [22, 443]}\n  condition: not s and not f"),
    ("Some Of", "a: {Image|endswith: 'x'}\n  b: {User: evil}\n  c: {SourcePort: 22}\n  condition: 1 of them"),
    ("Keywords", "k: [evil, tool]\n  condition: k"),
    ("Hour", "s: {UtcTime|hour: 3}\n  condition: s"),
];

/// A filter of one of them.
const FILTER: &str = "title: Known\nlogsource: {category: network_connection, product: windows}\nfilter:\n  rules: [Flag]\n  \
    selection: {SourceHostname: 'b.example'}\n  condition: not selection\n";

fn file(title: &str, detection: &str) -> String {
    format!(
        "title: '{title}'\nlogsource: {{category: network_connection, product: windows}}\ndetection:\n  {detection}\n"
    )
}

/// How many hits the rules have.
#[track_caller]
fn hits(case: &Case) -> usize {
    let ran = case.run_on(&["--rule", "none", "--rules", "rules", "log.evtx"]);
    ran.exits(0).does_not_say("not loaded");
    ran.report().lines().skip(1).map(|row| row.split(',').nth(19).unwrap().parse::<usize>().unwrap()).sum()
}

#[test]
fn whatever_a_rule_asks_the_short_cuts_change_no_verdict() {
    let events = confusing_connections(600);
    let mut all = 0;
    for (title, detection) in DETECTIONS {
        let case = detect().file("rules/rule.yml", file(title, detection)).events(&events);
        let case = if title == "Flag" { case.file("rules/filter.yml", FILTER) } else { case };
        let found = hits(&case);
        assert!(0 < found && found < events.len(), "{title}: {found} of {}", events.len());
        all += found;
    }
    // Together, with what keeps a memo from being used and without.
    let together = |looks_at_anything: bool| {
        let case = detect().file("rules/filter.yml", FILTER).events(&events);
        let wanted = DETECTIONS.iter().filter(|(title, _)| looks_at_anything || !["Keywords", "Hour"].contains(title));
        hits(
            &wanted.fold(case, |case, (title, detection)| {
                case.file(&format!("rules/{title}.yml"), file(title, detection))
            }),
        )
    };
    assert_eq!(together(true), all);
    assert!(together(false) < all);
}

#[test]
fn a_field_whose_element_is_left_out_is_not_there() {
    let left_out = |on| {
        let event = Event::connection().with("RuleName", Value::Null).depending("SourcePort", on);
        if on == "SourcePort" { event.with("SourcePort", Value::Null) } else { event }
    };
    let is_there = |event: Event| event.with("RuleName", "-");
    for on in ["RuleName", "SourcePort"] {
        let port = is_there(left_out(on)).with("SourcePort", Value::U16(1));
        let events = [left_out(on), left_out(on).at(1), port.clone(), port.at(1), Event::connection().at(2)];
        for (detection, expected) in [
            ("s: {SourcePort|exists: false}\n  condition: s", 2),
            ("s: {SourcePort|exists: true}\n  condition: s", 3),
            ("s: {SourcePort|fieldref: SourcePortName}\n  condition: not s", 5),
        ] {
            let case = detect().file("rules/rule.yml", file("There", detection)).events(&events);
            assert_eq!(hits(&case), expected, "{on} {detection}");
        }
    }
}

#[test]
fn a_template_that_shows_the_data_twice_hides_no_connection() {
    let mut event = Event::connection();
    event.level_shows_data = true;
    // The same connection, with an EventID that is not known by its value.
    let odd = Event { id: Value::U32(3), ..Event::connection().dest("10.1.1.1").at(1) };
    let events = [event.clone(), odd, Event::connection().at(2), event.at(3)];
    let case = detect().file("rules/rule.yml", file("Any", "s: {DestinationPort: 443}\n  condition: s"));
    assert_eq!(hits(&case.events(&events)), 4);
}

#[test]
fn connections_that_are_no_hits_are_counted_the_same_however_they_are_told() {
    const RULE: &str = "title: Argument\nlogsource: {category: network_connection, product: windows}\ndetection:\n  \
                        s: {Image|endswith: '\\tool.exe', CommandLine|contains: evil}\n  condition: s\n";
    let guid = |number: usize| Value::Guid(format!("6820d070-264c-65e7-0000-0000000000{number:02x}"));
    let mut draw = Draw(3);
    let connections = (0..900).map(|number| {
        Event::connection()
            .image([r"C:\x\regsvcs.exe", r"C:\x\tool.exe", r"C:\x\other.exe"][draw.below(3)])
            .dest(["10.1.1.1", "192.168.3.4", "8.8.8.8"][draw.below(3)])
            .with("SourceIp", ["10.1.1.2", "9.9.9.9"][draw.below(2)])
            .with("Initiated", Value::Bool(draw.below(2) == 0))
            .with("SourcePort", Value::U16(50000 + number))
            .with("ProcessGuid", guid(draw.below(3)))
            .on(["A", "B"][draw.below(2)])
            .at(u64::from(number) % 50)
    });
    let created = Event::sysmon(1, 5)
        .with("UtcTime", "2024-03-05 14:05:00.123")
        .with("ProcessGuid", guid(1))
        .with("Image", r"C:\x\tool.exe")
        .with("CommandLine", "tool.exe evil")
        .on("B");
    let events: Vec<Event> = connections.chain([created]).collect();
    let case = detect().file("rules/rule.yml", RULE).events(&events);
    let args = ["--rules", "rules", "--group-by", "dvc,process_guid,app,dest_ip", "log.evtx"];
    let ran = case.run_on(&args);
    ran.exits(0).says(&["Detect Regsvcs", "Argument", "excluded", "ask for the process", "in 10.0.0.0/8"]);
    let counts = |ran: &Ran| -> Vec<String> {
        let is_of_reading = |line: &&str| {
            ["searched", "          chunks:", "          records:", "time"].iter().any(|it| line.starts_with(it))
        };
        ran.stderr().lines().filter(|line| !is_of_reading(line)).map(str::to_owned).collect()
    };
    let slow = Ran::new(case.command(&[&["--no-prefilter"], &args[..]].concat()));
    assert_eq!(counts(&ran), counts(&slow));
}

#[test]
fn all_of_the_collections_rules_together_judge_connections_as_each_does_by_itself() {
    let Some(rules) = collection() else { return };
    let (mut case, mut events, mut loaded) = (detect(), Vec::new(), 0);
    let mut draw = Draw(11);
    for (number, (text, SigmaRule { detection, .. })) in rules.iter().enumerate() {
        case = case.file(&format!("rules/{number}.yml"), text);
        let ways = ways(detection);
        events.extend(near_misses(&ways));
        loaded += usize::from(!text.contains("|expand"));
    }
    // Each twice, far from each other, as from another source port, and in another case.
    let count = events.len();
    for number in 0..count {
        let mut event = events[draw.below(count)].clone().at(number as u64 % 50);
        let has_port =
            event.data.iter().any(|(name, value)| name == "SourcePort" && matches!(value, Value::U16(50123)));
        if has_port {
            event = event.with("SourcePort", Value::U16(u16::try_from(50000 + number % 9).unwrap()));
        }
        if let Some((_, Value::Text(image))) = event.data.iter_mut().find(|(name, _)| name == "Image") {
            *image = if number % 2 == 0 { image.to_uppercase() } else { image.to_lowercase() };
        }
        events.push(event);
    }
    let ran = case.events(&events).run_on(&["--rule", "none", "--rules", "rules", "log.evtx"]);
    ran.exits(0).says(&[&format!("{loaded} Sigma rules loaded")]);
    let titles: std::collections::BTreeSet<&str> =
        ran.report().lines().skip(1).map(|row| row.split(',').nth(22).unwrap()).collect();
    assert_eq!(titles.len(), loaded, "every rule finds something");
}
