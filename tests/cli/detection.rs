//! Which records are connections, how they are normalised, and which of them are hits.

use crate::{
    boundaries::BOUNDARIES,
    case::{Ran, connections, detect},
    evtx_writer::{Event, Value},
};

#[test]
fn every_field_is_normalised() {
    connections().events(&[Event::connection()]).run().exits(0).reports(&[
        "action,app,dest,dest_ip,dest_port,direction,dvc,protocol,protocol_version,src,src_ip,src_port,transport,user,\
         vendor_product,process_name,process_exec,process_guid,process_id,count,firstTime,lastTime",
        r"allowed,C:\Windows\Microsoft.NET\Framework64\v4.0.30319\RegSvcs.exe,8.8.8.8,8.8.8.8,443,outbound,WS01.corp.example,ip,ipv4,WS01.corp.example,10.1.2.3,50123,tcp,CORP\alice,Microsoft Sysmon,RegSvcs.exe,RegSvcs.exe,{11223344-5566-7788-99AA-BBCCDDEEFF00},4321,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
    ]);
}

#[test]
fn a_record_with_no_field_at_all_is_still_reported() {
    connections().events(&[Event::sysmon(3, 5)]).run().exits(0).reports(&[
        "action,app,dest,dest_ip,dest_port,direction,dvc,protocol,protocol_version,src,src_ip,src_port,transport,user,\
         vendor_product,process_name,process_exec,process_guid,process_id,count,firstTime,lastTime",
        "allowed,,,,,,WS01.corp.example,ip,,,,,,,Microsoft Sysmon,,,,,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
    ]);
}

#[test]
fn only_sysmons_event_3_counts_whatever_the_channel() {
    let other_provider = Event { provider: "Microsoft-Windows-Security-Auditing".to_owned(), ..Event::connection() };
    let other_id = Event { id: Value::U16(1), task: 1, ..Event::connection().image(r"C:\one\regsvcs.exe") };
    let forwarded = Event { channel: "ForwardedEvents".to_owned(), ..Event::connection().image(r"C:\fwd\regsvcs.exe") };
    detect().args(["--group-by", "app"]).events(&[other_provider, other_id, forwarded]).run().reports(&[
        "app,count,firstTime,lastTime",
        r"C:\fwd\regsvcs.exe,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
    ]);
}

#[test]
fn process_names_match_whole_in_any_case() {
    let images = [
        r"C:\a\RegSvcs.exe",
        r"C:\b\REGSVCS.EXE",
        r"C:\c\regsvcs.exe.bak",
        r"C:\d\notregsvcs.exe",
        r"C:\regsvcs.exe\other.exe",
        "regsvcs.exe",
        r"C:\e\regſvcs.exe",
    ];
    let events: Vec<Event> = images.iter().map(|image| Event::connection().image(image)).collect();
    detect().args(["--group-by", "app,process_name"]).events(&events).run().reports(&[
        "app,process_name,count,firstTime,lastTime",
        r"C:\a\RegSvcs.exe,RegSvcs.exe,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
        r"C:\b\REGSVCS.EXE,REGSVCS.EXE,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
        r"regsvcs.exe,regsvcs.exe,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
    ]);
}

#[test]
fn excluded_networks_end_where_they_should() {
    let events: Vec<Event> = (0..).zip(BOUNDARIES).map(|(n, row)| Event::connection().dest(row.0).at(n)).collect();
    for (list, hit) in [("special", 0), ("splunk", 1), ("none", 2)] {
        let expected: Vec<&str> = BOUNDARIES
            .iter()
            .filter(|(_, _, special, splunk)| [*special, *splunk, true][hit])
            .map(|(_, canonical, ..)| *canonical)
            .collect();
        let ran = detect().args(["--group-by", "dest_ip", "--exclusions", list]).events(&events).run();
        let rows = ran.report().lines().skip(1);
        assert_eq!(rows.map(|row| row.split(',').next().unwrap()).collect::<Vec<_>>(), expected, "{list}");
    }
}

#[test]
fn exclusions_are_counted_by_their_narrowest_network() {
    let events = ["192.0.0.8", "192.0.0.100", "10.0.0.1", "10.0.0.2", "fe80:0:0:0:0:0:0:1", "8.8.4.4"]
        .map(|address| Event::connection().dest(address));
    let case = detect().events(&events);
    case.run_on(&["--verbose", "."]).says(&[
        "found     6 connections of regsvcs.exe: 1 hit in 1 group, 5 excluded",
        "excluded        2  10.0.0.0/8",
        "1  192.0.0.0/24",
        "1  192.0.0.8/32",
        "1  fe80::/10",
    ]);
    case.run().says(&[
        "excluded  2 in 10.0.0.0/8, 1 in 192.0.0.0/24, 1 in 192.0.0.8/32, 1 in 1 more network: --verbose lists them\n",
    ]);
}

#[test]
fn addresses_are_canonical_and_what_is_no_address_is_shown() {
    let addresses =
        ["2001:4860:4860:0:0:0:0:8888", "::ffff:8.8.4.4", "::ffff:10.0.0.1", "0:0:0:0:0:0:0:1", "not an address", "-"];
    let events: Vec<Event> = (0..).zip(addresses).map(|(n, address)| Event::connection().dest(address).at(n)).collect();
    let ran = detect().args(["--group-by", "dest_ip,dest,protocol_version"]).events(&events).run();
    let rows: Vec<&str> = ran.report().lines().skip(1).map(|row| row.split(",1,").next().unwrap()).collect();
    assert_eq!(
        rows,
        [
            "2001:4860:4860::8888,2001:4860:4860::8888,ipv6",
            "8.8.4.4,8.8.4.4,ipv4",
            "not an address,not an address,ipv4",
            ",,ipv4",
        ]
    );
}

#[test]
fn a_time_is_that_of_the_record_and_not_one_of_the_others() {
    // The record header and UtcTime say something else, as in real logs.
    let events = [Event::connection().at(60), Event::connection().at(1)];
    detect().args(["--group-by", "dvc"]).events(&events).run().reports(&[
        "dvc,count,firstTime,lastTime",
        "WS01.corp.example,2,2024-03-05T14:07:10.1234567Z,2024-03-05T14:08:09.1234567Z",
    ]);
}

#[test]
fn a_time_that_is_none_is_left_empty() {
    let event = Event { time: u64::MAX, ..Event::connection() };
    detect()
        .args(["--group-by", "dvc"])
        .events(&[event])
        .run()
        .exits(3)
        .says(&["the connection's time ", "1 time not read"])
        .reports(&["dvc,count,firstTime,lastTime", "WS01.corp.example,1,,"]);
}

#[test]
fn values_of_other_types_mean_the_same() {
    let event = Event::connection()
        .with("Initiated", "True")
        .with("DestinationPort", "443")
        .with("SourcePort", Value::Hex32(0xc3cb))
        .with("ProcessGuid", "{11223344-5566-7788-99aa-bbccddeeff00}")
        .with("ProcessId", Value::Hex64(4321))
        .with("Protocol", "TCP")
        .with("Image", Value::Ansi(br"C:\Temp\REGSVCS.exe".to_vec()));
    detect()
        .args(["--group-by", "app,direction,dest_port,src_port,process_guid,process_id,transport"])
        .events(&[event])
        .run()
        .reports(&[
            "app,direction,dest_port,src_port,process_guid,process_id,transport,count,firstTime,lastTime",
            r"C:\Temp\REGSVCS.exe,outbound,443,50123,{11223344-5566-7788-99AA-BBCCDDEEFF00},4321,tcp,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
        ]);
}

#[test]
fn an_event_id_of_another_type_or_in_the_template_is_still_one() {
    let in_template = Event { literal_id: true, task: 1, version: 1, ..Event::connection().dest("1.0.0.1") };
    let text = Event { id: "3".into(), task: 1, ..Event::connection().dest("1.0.0.2") };
    let wide = Event { id: Value::U32(3), task: 1, ..Event::connection().dest("1.0.0.3") };
    let ran = detect().args(["--group-by", "dest_ip"]).events(&[in_template, text, wide]).run();
    assert_eq!(ran.report().lines().count(), 4, "{}", ran.report());
    for id in [Value::U8(3), Value::Any(0x03, vec![3])] {
        let narrow = Event { id, task: 1, version: 1, ..Event::connection() };
        assert_eq!(connections().events(&[narrow]).run().exits(0).report().lines().count(), 2);
    }
}

#[test]
fn a_name_that_a_record_puts_together_from_pieces_is_found() {
    let led = Event::connection().led("Image", r"C:\Temp\Reg", "Svcs.exe");
    let with_nul = Event::connection().with("Image", Value::Ansi(b"C:\\Temp\\Reg\0Svcs.exe".to_vec()));
    for event in [led, with_nul] {
        let others: Vec<Event> = (0..30).map(|_| Event::connection().image(r"C:\Temp\other.exe")).collect();
        let ran = detect().args(["--group-by", "app"]).events(others.iter().chain([&event])).run();
        assert!(
            ran.exits(0).report().lines().nth(1).is_some_and(|row| row.starts_with(r"C:\Temp\RegSvcs.exe,1,")),
            "{}",
            ran.report()
        );
    }
}

#[test]
fn a_schema_without_rule_name_and_a_record_in_another_order_are_read_by_name() {
    let mut event = Event::connection().without("RuleName").without("UtcTime");
    event.data.reverse();
    detect().args(["--group-by", "dest_ip,src_port"]).events(&[event]).run().reports(&[
        "dest_ip,src_port,count,firstTime,lastTime",
        "8.8.8.8,50123,1,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z",
    ]);
}

#[test]
fn logs_of_many_chunks_lose_nothing_at_any_number_of_threads() {
    let events: Vec<Event> = (0..3000_u64)
        .map(|n| match n % 3 {
            0 => Event::connection().dest(&format!("9.9.{}.{}", n / 256, n % 256)).at(n),
            1 => Event::connection().image(r"C:\Windows\System32\svchost.exe").at(n),
            _ => Event::sysmon(1, 5).with("CommandLine", "regsvcs.exe /u x.dll").with("Image", r"C:\x.exe").at(n),
        })
        .collect();
    let case = detect().args(["--group-by", "dest_ip"]).events(&events);
    let ran = case.run();
    assert_eq!(ran.exits(0).report().lines().count(), 1001);
    ran.says(&["found     1,000 connections of regsvcs.exe: 1,000 hits in 1,000 groups", "3,000 records"]);
    for threads in ["3", "7"] {
        assert!(Ran::new(case.command(&["--threads", threads, "."])).report() == ran.report(), "{threads} threads");
    }
}

#[test]
fn a_bool_that_is_not_0_is_true_alone_and_beside_others() {
    for bytes in [[1, 0, 0, 0], [2, 0, 0, 0], [0xff; 4], [0, 0, 0, 0x80], [0, 1, 0, 0]] {
        let odd = Event::connection().with("Initiated", Value::Any(0x0d, bytes.to_vec()));
        // Rows that are the same but for that are one group.
        let row = "outbound,2,2024-03-05T14:07:09.1234567Z,2024-03-05T14:07:09.1234567Z";
        let case = detect().events(&[odd, Event::connection()]).args(["--group-by", "direction"]);
        case.run().exits(0).reports(&["direction,count,firstTime,lastTime", row]);
    }
}
