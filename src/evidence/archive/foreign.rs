//! What can hold event logs and is not opened: by its first bytes, what it is and what to do about it.
//!
//! Magic numbers are those of the formats' own documents: libewf and libvhdi's notes, [MS-VHDX] 2.2, the "Virtual Disk
//! Format 5.0" of its maker, "The AFF4 standard 1.0", [MS-CAB], and the notes of libevt on the logs of Windows NT to 2003.

use crate::evidence::{
    encoding::Encoding,
    export::{HEAD, can_lead, is_text, start_of_event},
};

const UNPACK: &str = "unpack it and give the folder";
const MOUNT: &str = "mount it, or export the logs from it, and give the folder";
const TOO_OLD: &str = "it holds no Sysmon events, which came with later systems";

/// The start of a format's files, at an offset in bytes, what such a file is, and what to do about it.
const FORMATS: [(usize, &[u8], &str, &str); 17] = [
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (0, b"MSCF\0\0\0\0", "a cabinet file", UNPACK),
    (0, b"MSWIM\0\0\0", "a Windows image (WIM)", UNPACK),
    (0, b"\x04\x22\x4d\x18", "an LZ4 file", UNPACK),
    (0, b"\x1f\x9d", "a compress file (.Z)", UNPACK),
    (0, b"LZIP", "an lzip file", UNPACK),
    (0, b"EVF\x09\x0d\x0a\xff\0", "an EnCase image (E01)", MOUNT),
    (0, b"EVF2\x0d\x0a\x81\0", "an EnCase image (Ex01)", MOUNT),
    (0, b"LVF\x09\x0d\x0a\xff\0", "an EnCase logical image (L01)", MOUNT),
    (0, b"vhdxfile", "a virtual disk (VHDX)", MOUNT),
    (0, b"conectix", "a virtual disk (VHD)", MOUNT),
    (0, b"KDMV", "a virtual disk (VMDK)", MOUNT),
    (0, b"# Disk DescriptorFile", "the description of a virtual disk (VMDK)", MOUNT),
    (0, b"QFI\xfb", "a virtual disk (QCOW2)", MOUNT),
    (0, b"AFF10\x0d\x0a\0", "an AFF image", MOUNT),
    // The first member of a container that is a zip file.
    (30, b"container.description", "an AFF4 image", MOUNT),
    (0, b"\x30\0\0\0LfLe", "an event log of Windows XP or 2003 (.evt)", TOO_OLD),
];

/// The signatures in the first sectors of a disk or a volume: of NTFS and exFAT, of FAT, and of a partition table (UEFI 5.3.2).
const SECTORS: [(usize, &[u8]); 6] =
    [(3, b"NTFS    "), (3, b"EXFAT   "), (54, b"FAT12   "), (54, b"FAT16   "), (82, b"FAT32   "), (512, b"EFI PART")];
/// Where an MBR has its four partitions, how long each is, and the end of a first sector.
const PARTITIONS: std::ops::Range<usize> = 446..510;
const PARTITION: usize = 16;
const END: [u8; 2] = [0x55, 0xaa];
/// The size in bytes from which a file is more than a copy of some first sectors, as `$Boot` and `BOOTSECT.BAK` are: 1 MiB.
const DISK: u64 = 1 << 20;

/// The namespace of elements that are events, in their tag.
const NAMESPACE: &[u8] = b"http://schemas.microsoft.com/win/2004/08/events/event";

/// How tables of events start, as `EvtxECmd` and `Get-WinEvent | Export-Csv` write them.
const CSV: [&[u8]; 3] = [
    b"RecordNumber,EventRecordId,TimeCreated,EventId,",
    b"#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord",
    b"\"Message\",\"Id\",\"Version\",\"Qualifiers\",",
];

/// What to do about an export in a form that is not read.
const INSTEAD: &str = "give the log that it was exported from, or an export as wevtutil, evtx_dump, EvtxECmd, Winlogbeat or NXLog write it";

/// What a file with these first bytes is, and what to do about it, if it can hold logs and is not opened.
pub(super) fn of_head(head: &[u8]) -> Option<String> {
    let export = || export(head).map(|what| format!("{what}: {INSTEAD}"));
    of_magic(head).or_else(export)
}

/// The same, by the magic number of a format alone: for archives, whose members can start with anything.
pub(super) fn of_magic(head: &[u8]) -> Option<String> {
    let is_it = |(at, magic, ..): &&(usize, &[u8], _, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    FORMATS.iter().find(is_it).map(|(_, _, what, advice)| format!("{what}: {advice}"))
}

/// The same of a file of this size, if it is a raw image of a disk or a volume. Where one is given by its path, it is searched for chunks
/// as it is.
pub(super) fn of_disk(head: &[u8], size: u64) -> Option<String> {
    let has = |(at, magic): &(usize, &[u8])| head.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    let is_disk = size >= DISK
        && head.get(PARTITIONS.end..).is_some_and(|rest| rest.starts_with(&END))
        && (SECTORS.iter().any(has) || has_partition(head.get(PARTITIONS).unwrap_or_default()));
    is_disk.then(|| format!("a raw disk image: {MOUNT}"))
}

/// Whether a table of partitions has one, and nothing that cannot be in it: each is active or not, and has a type and a size, or neither.
fn has_partition(table: &[u8]) -> bool {
    let is_used = |entry: &[u8]| entry.get(4).is_some_and(|&kind| kind != 0);
    let has_size = |entry: &[u8]| entry.get(12..).is_some_and(|size| size.iter().any(|&byte| byte != 0));
    let is_sound = |entry: &[u8]| matches!(entry.first(), Some(0 | 0x80)) && is_used(entry) == has_size(entry);
    table.chunks(PARTITION).all(is_sound) && table.chunks(PARTITION).any(is_used)
}

/// Whether a file is text that starts as an export of events does; it is asked of those that are not read, such as a list in JSON. What
/// only has an event somewhere in it, as images of disks do, is none.
fn export(head: &[u8]) -> Option<&'static str> {
    let text = Encoding::ascii(head.get(..head.len().min(HEAD)).unwrap_or_default());
    if !is_text(&text) {
        return None;
    }
    let has = |what: &str| memchr::memmem::find(&text, what.as_bytes()).is_some();
    let start = text.trim_ascii_start();
    if start.starts_with(b"{") || start.starts_with(b"[") {
        let is_event = has("\"EventID\"") || has("\"EventId\"") || has("\"event_id\"") || has("\"winlog\"");
        let is_quoted = has("<Event") && memchr::memmem::find(&text, NAMESPACE).is_some();
        // As `Get-WinEvent | ConvertTo-Json` writes them.
        let is_of_powershell =
            has("\"ProviderName\"") && has("\"Id\"") && (has("\"LogName\"") || has("\"TimeCreated\""));
        // What an index of such documents is, and not a document.
        if has("\"mappings\"") && has("\"properties\"") {
            return None;
        }
        let is_export = is_event || is_quoted || is_of_powershell || has("\"#attributes\"");
        return is_export.then_some("a JSON export of events");
    }
    if CSV.iter().any(|header| start.starts_with(header)) {
        return Some("a CSV export of events");
    }
    if start.starts_with(b"<Objs ") && has("EventLogRecord") {
        return Some("a CLIXML export of events");
    }
    let (before, event) = text.split_at_checked(start_of_event(&text)?)?;
    let tag = event.split(|&byte| byte == b'>').next().unwrap_or_default();
    // Some tools write a line of their own before each event.
    let is_event = start.starts_with(b"<") || memchr::memmem::find(tag, NAMESPACE).is_some();
    (is_event && can_lead(before)).then_some("an XML export of events")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &[u8] =
        br#"{"a": {"mappings": {"properties": {"winlog": {"properties": {"event_id": {"type": "keyword"}}}}}}}"#;

    #[test]
    fn what_can_hold_logs_is_named_with_what_to_do() {
        let aff4 = [b"PK\x03\x04".as_slice(), &[0; 26], b"container.description"].concat();
        let utf16: Vec<u8> = "\u{feff}<Events><Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (head, what) in [
            (b"Rar!\x1a\x07\x01\0".as_slice(), "a RAR archive: unpack it"),
            (b"EVF\x09\x0d\x0a\xff\0\x01", "an EnCase image (E01): mount it"),
            (b"vhdxfile", "a virtual disk (VHDX): mount it"),
            (b"\x30\0\0\0LfLe\x01", "an event log of Windows XP or 2003 (.evt): "),
            (&aff4, "an AFF4 image: mount it"),
            (&utf16, "an XML export of events: give the log"),
            (b"{\"Event\":{\"#attributes\":{}", "a JSON export of events: give the log"),
            (b"[ {\"EventID\": 3", "a JSON export of events: give the log"),
            (
                b"[\n {\n \"Id\": 3,\n \"ProviderName\": \"P\",\n \"LogName\": \"L\"",
                "a JSON export of events: give the log",
            ),
            (b"RecordNumber,EventRecordId,TimeCreated,EventId,Level", "a CSV export of events: give the log"),
            (b"\"Message\",\"Id\",\"Version\",\"Qualifiers\",\"Level\"", "a CSV export of events: give the log"),
            (
                b"<Objs Version=\"1.1.0.1\"><Obj><T>System.Diagnostics.Eventing.Reader.EventLogRecord</T>",
                "a CLIXML export of events: give the log",
            ),
            (
                b"{\"_raw\": \"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>\"",
                "a JSON export of events: give the log",
            ),
            (
                b"{\"EventID\": 3, \"xml\": \"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>\"",
                "a JSON export of events: give the log",
            ),
        ] {
            let found = of_head(head).unwrap();
            assert!(found.starts_with(what), "{found}");
        }
        for head in [
            b"".as_slice(),
            b"text",
            b"{\"schema\": 1}",
            b"{\"Id\": 1, \"ProviderName\": \"\"}",
            MAPPING,
            b"<html>",
            b"ElfFile\0",
            &[0; 512],
        ] {
            assert_eq!(of_head(head), None);
        }
    }

    #[test]
    fn a_raw_image_is_named_by_its_first_sectors() {
        let sector = |parts: &[(usize, &[u8])]| {
            let mut head = vec![0; 1024];
            for (at, bytes) in [(510, END.as_slice())].iter().chain(parts) {
                head[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            head
        };
        let partition = [0x80, 1, 1, 0, 7, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1, 0];
        for signature in SECTORS.into_iter().chain([(446, partition.as_slice()), (494, &partition)]) {
            let head = sector(&[signature]);
            assert!(of_disk(&head, DISK).is_some_and(|what| what.starts_with("a raw disk image: mount it")));
            assert_eq!(of_disk(&head, 8192), None, "a copy of the first sectors");
        }
        let inactive = [7; 16];
        for head in [sector(&[]), sector(&[(446, &inactive)]), sector(&[(510, b"\0\0"), SECTORS[0]]), Vec::new()] {
            assert_eq!(of_disk(&head, DISK), None);
        }
    }

    #[test]
    fn an_export_is_named_by_how_it_starts_and_not_by_an_event_in_it() {
        let event = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'/>";
        let prefixed = "<e:Event xmlns:e='http://schemas.microsoft.com/win/2004/08/events/event'/>";
        for before in ["", "\u{feff}", "\r\n", "<!-- a -->\n", "<?xml version='1.0'?>\n", "Exported by a\n", "ä\n\n"] {
            for event in [event, prefixed] {
                let text = format!("{before}{event}\n");
                let named = Some(format!("an XML export of events: {INSTEAD}"));
                assert_eq!(of_head(text.as_bytes()), named, "{text}");
                let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                assert_eq!(of_head(&wide), named, "{text}");
            }
        }
        for before in [
            "PK\u{3}\u{4}\u{a}\0\0\0",
            "\u{1}\0\0\0",
            "{\u{1}",
            "<\0",
            "a\nIt reads events such as\n",
            "a\nimport b\n",
            "<!doctype html>\n<p>",
        ] {
            for event in [event, prefixed, r#"{"EventID": 3}"#] {
                let text = format!("{before}{event}\n");
                assert_eq!(of_head(text.as_bytes()), None, "{text}");
            }
        }
        let url = "http://schemas.microsoft.com/win/2004/08/events/event";
        for text in [url.to_owned(), format!("See {url}."), format!("<a href='{url}'>"), format!("{event}\0\0")] {
            assert_eq!(of_head(text.as_bytes()), None, "{text}");
        }
        let zeros = [&[0; 512], url.as_bytes(), &[0; 512]].concat();
        assert_eq!(of_head(&zeros), None);
        // The name of a first member, and what is in it.
        let zip = [b"PK\x03\x04".as_slice(), &[0; 26], b"container.description", event.as_bytes()].concat();
        assert!(of_magic(&zip).is_some_and(|what| what.starts_with("an AFF4 image")));
        assert_eq!(of_magic(event.as_bytes()), None);
    }
}
