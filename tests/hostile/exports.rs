//! Sound exports of events that mutants are made from.

use netsift::inside::export::Export;

/// An event as `wevtutil` writes it, and the same as `evtx_dump` does, some times each.
pub fn all() -> [(Export, Vec<u8>); 2] {
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
