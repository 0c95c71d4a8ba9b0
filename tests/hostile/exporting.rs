//! What must hold of any bytes that are taken for exported events, and sound ones that mutants are made from.

use netsift::inside::{
    export::Export,
    exported::{self, Place},
};

/// An event as `wevtutil` writes it, and the same as `evtx_dump` does, some times each.
pub fn sound() -> [(Export, Vec<u8>); 2] {
    let field = |name: &str, value: &str| format!("<Data Name='{name}'>{value}</Data>");
    let xml = format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/>\
         <EventID>3</EventID><TimeCreated SystemTime='2024-03-05T14:07:09.1234567Z'/><EventRecordID>7</EventRecordID>\
         <Computer>WS01</Computer></System><EventData>{}{}</EventData></Event>\r\n",
        field("Image", r"C:\a &amp; b\regsvcs.exe"),
        field("DestinationIp", "8.8.8.8"),
    );
    let json = concat!(
        r#"{"Event":{"System":{"Provider":{"#,
        r##""#attributes":{"Name":"Microsoft-Windows-Sysmon"}},"EventID":3,"Computer":"WS01","##,
        r##""TimeCreated":{"#attributes":{"SystemTime":"2024-03-05T14:07:09.123456Z"}}},"##,
        r#""EventData":{"Image":"C:\\regsvcs.exe","DestinationIp":"8.8.8.8"}}}"#,
        "\n"
    );
    [(Export::Xml, xml.repeat(8).into_bytes()), (Export::JsonLines, json.repeat(8).into_bytes())]
}

/// Reads `bytes` as an export, and returns how many events come out. Places come in order and are within the bytes, and no event has
/// more text than the most that is held of one.
pub fn hold(export: Export, bytes: &[u8]) -> u64 {
    const MOST: usize = 3 << 20;
    let (mut count, mut last) = (0, Place { line: 1, offset: 0 });
    let mut stream = bytes;
    let read = exported::read(export, &mut stream, &mut |place, event| {
        assert!((last.line, last.offset) <= (place.line, place.offset), "{last:?} is behind {place:?}");
        assert!(place.offset <= bytes.len() as u64, "{place:?} of {} bytes", bytes.len());
        last = place;
        if let Ok(event) = event {
            let text: usize = event.data.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(text <= MOST, "{text} bytes of text");
            count += 1;
        }
    });
    assert!(read.is_ok(), "what is in memory can be read on: {read:?}");
    count
}
