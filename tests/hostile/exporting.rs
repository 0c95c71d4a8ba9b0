//! What must hold of any bytes that are taken for exported events.

use netsift::inside::{
    export::Export,
    exported::{self, Place},
};

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
