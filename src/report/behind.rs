//! Writing on a thread of its own: what was made is hashed and handed to the system there while what comes next is made.

use std::{
    io::{self, Write},
    mem,
    num::NonZeroUsize,
    panic,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, SyncSender},
    },
    thread,
};

/// How many bytes are handed over at once, and how many such pieces wait at most.
const PIECE: usize = 1 << 17;
const WAITING: usize = 4;

/// A writer that hands all on to another thread.
struct Behind {
    sender: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
}

/// Writes to `out` with `write`, with one thread more if there may be.
///
/// # Errors
///
/// What `write` or `out` returns.
pub(super) fn write(
    out: &mut (dyn Write + Send),
    threads: NonZeroUsize,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> io::Result<()> {
    if threads.get() == 1 {
        return write(out);
    }
    let out = Mutex::new(out);
    thread::scope(|scope| {
        let (sender, pieces) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let write_all = || {
            let mut out = held(&out);
            pieces.into_iter().try_for_each(|piece| out.write_all(&piece))
        };
        let Ok(writing) = thread::Builder::new().spawn_scoped(scope, write_all) else {
            return write(&mut **held(&out));
        };
        let mut behind = Behind { sender, piece: Vec::with_capacity(PIECE) };
        let made = write(&mut behind).and_then(|()| behind.hand_on());
        drop(behind);
        // Where that has failed, nobody takes what is made, which is no more than what follows from it.
        writing.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked)).and(made)
    })?;
    held(&out).flush()
}

/// What a mutex has: where a thread panics that had it, so does the one that waits for it.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Behind {
    fn hand_on(&mut self) -> io::Result<()> {
        let piece = mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender.send(piece).map_err(io::Error::other)
    }
}

impl Write for Behind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // No more than a piece: what waits is as much as pieces have room for, however much is written at once.
        let (now, _) = bytes.split_at(bytes.len().min(PIECE.saturating_sub(self.piece.len())));
        self.piece.extend_from_slice(now);
        if self.piece.len() >= PIECE {
            self.hand_on()?;
        }
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes.
    struct Room(Vec<u8>, usize);

    impl Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() + bytes.len() > self.1 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes so many bytes, in lines, to what has so much room.
    fn written(threads: usize, bytes: usize, room: usize) -> (Result<(), io::ErrorKind>, Vec<u8>) {
        let line = b"a line of 17 byte";
        let mut room = Room(Vec::new(), room);
        let threads = NonZeroUsize::new(threads).unwrap();
        let done = write(&mut room, threads, |out| (0..bytes / line.len()).try_for_each(|_| out.write_all(line)));
        (done.map_err(|error| error.kind()), room.0)
    }

    #[test]
    fn another_thread_writes_the_same() {
        for bytes in [0, 17, PIECE, 9 * PIECE] {
            assert!(written(1, bytes, usize::MAX) == written(2, bytes, usize::MAX), "{bytes}");
        }
    }

    #[test]
    fn however_much_is_written_at_once_no_piece_is_longer() {
        let (sender, pieces) = mpsc::sync_channel(9);
        let mut behind = Behind { sender, piece: Vec::new() };
        behind.write_all(&vec![7; 8 * PIECE + 1]).unwrap();
        behind.hand_on().unwrap();
        drop(behind);
        let sizes: Vec<usize> = pieces.into_iter().map(|piece| piece.len()).collect();
        assert_eq!(sizes, [[PIECE; 8].as_slice(), &[1]].concat());
    }

    #[test]
    fn why_it_could_not_be_written_is_said() {
        for room in [0, PIECE, 8 * PIECE] {
            for threads in [1, 2] {
                let (done, written) = written(threads, 9 * PIECE, room);
                assert_eq!(done, Err(io::ErrorKind::StorageFull), "{room}");
                assert!(written.len() <= room);
            }
        }
    }

    #[test]
    fn why_it_could_not_be_made_is_said() {
        let mut out = Vec::new();
        let threads = NonZeroUsize::new(2).unwrap();
        let failed = write(&mut out, threads, |out| {
            out.write_all(b"before")?;
            Err(io::ErrorKind::InvalidData.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
