//! A [`Shelf`]: things that are found by a key. Those that do not fit into memory are in a temporary file, and each is read again when it
//! is asked for.
//!
//! What tells the keys apart stays in memory. In which order things are asked for is not known, so that those that were asked for last are remembered.

use std::{
    collections::HashMap,
    fs::File,
    hash::Hash,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{fingerprint::Fingerprints, group::block, space};

/// Things by their keys.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    fingerprints: Fingerprints,
    /// By the fingerprints of their keys.
    things: HashMap<u128, Place<T>, ahash::RandomState>,
    /// What those in memory take, in bytes, and may take.
    size: usize,
    room: usize,
    file: Option<File>,
    /// The size of the file, in bytes.
    end: u64,
    recent: Mutex<Recent<T>>,
}

/// Where a thing is.
#[derive(Debug)]
enum Place<T> {
    Memory(Arc<T>),
    /// In the file, from there on.
    File(u64),
}

/// Things that were read again, by where they are in the file.
#[derive(Debug)]
struct Recent<T> {
    things: HashMap<u64, Arc<T>, ahash::RandomState>,
    /// What they take in memory, in bytes.
    size: usize,
    /// Why one could not be read.
    failed: Option<io::Error>,
}

impl<T: Serialize + DeserializeOwned> Shelf<T> {
    /// Nothing yet. No more than some `room` bytes are held in memory, and as many of things that are read again.
    pub(super) fn new(room: usize) -> Self {
        let recent = Recent { things: HashMap::default(), size: 0, failed: None };
        Self {
            fingerprints: Fingerprints::default(),
            things: HashMap::default(),
            size: 0,
            room,
            file: None,
            end: 0,
            recent: Mutex::new(recent),
        }
    }

    /// Puts a thing there that takes `size` bytes in memory besides itself.
    ///
    /// # Errors
    ///
    /// It does not fit into memory, and cannot be written to a temporary file.
    pub(super) fn put(&mut self, key: &impl Hash, thing: T, size: usize) -> io::Result<()> {
        let size = size.saturating_add(size_of::<T>());
        let place = if self.size.saturating_add(size) <= self.room {
            self.size += size;
            Place::Memory(Arc::new(thing))
        } else {
            let told = |error: io::Error| io::Error::new(error.kind(), space::told(&error, &tempfile::env::temp_dir()));
            Place::File(self.write(&thing).map_err(told)?)
        };
        self.things.insert(self.fingerprints.of(key), place);
        Ok(())
    }

    /// Whether there is a thing with this key.
    pub(super) fn has(&self, key: &impl Hash) -> bool {
        self.things.contains_key(&self.fingerprints.of(key))
    }

    /// The thing with this key. Where it cannot be read again there is none, and why is in [`Self::failed`].
    pub(super) fn get(&self, key: &impl Hash) -> Option<Arc<T>> {
        self.thing(self.things.get(&self.fingerprints.of(key))?)
    }

    /// The things, in no order, but for those that cannot be read again.
    pub(super) fn things(&self) -> impl Iterator<Item = Arc<T>> {
        self.things.values().filter_map(|place| self.thing(place))
    }

    /// Why a thing could not be read again, if one could not.
    pub(super) fn failed(&self) -> Option<io::Error> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).failed.take()
    }

    fn thing(&self, place: &Place<T>) -> Option<Arc<T>> {
        match place {
            Place::Memory(thing) => Some(Arc::clone(thing)),
            &Place::File(at) => self.read(at),
        }
    }

    /// Writes a thing to the file. Returns where it is.
    fn write(&mut self, thing: &T) -> io::Result<u64> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(block::temporary()?),
        };
        let bytes = postcard::to_extend(thing, Vec::new()).map_err(io::Error::other)?;
        let at = self.end;
        self.end += block::write(file, &bytes)?;
        Ok(at)
    }

    /// The thing that is in the file from there on.
    fn read(&self, at: u64) -> Option<Arc<T>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thing) = recent.things.get(&at) {
            return Some(Arc::clone(thing));
        }
        let read = || {
            let (bytes, _) = block::read(self.file.as_ref().ok_or_else(block::damaged)?, at, self.end)?;
            let thing = postcard::from_bytes(&bytes).map_err(|_| block::damaged())?;
            // Bytes of many small things take a few times their size.
            Ok((Arc::new(thing), size_of::<T>() + 4 * bytes.len()))
        };
        match read() {
            Ok((thing, size)) => {
                recent.remember(at, &thing, size, self.room);
                Some(thing)
            }
            Err(error) => {
                recent.failed.get_or_insert(error);
                None
            }
        }
    }
}

impl<T> Recent<T> {
    /// Remembers a thing that takes `size` bytes in memory: the last one always, and those before it as far as there is room.
    fn remember(&mut self, at: u64, thing: &Arc<T>, size: usize, room: usize) {
        self.size = self.size.saturating_add(size);
        if self.size > room {
            self.things.clear();
            self.size = size;
        }
        self.things.insert(at, Arc::clone(thing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(room: usize) -> Shelf<String> {
        let mut shelf = Shelf::new(room);
        for key in 0..200 {
            shelf.put(&key, key.to_string().repeat(9), 20).unwrap();
        }
        shelf
    }

    #[test]
    fn things_are_the_same_whether_they_are_in_memory_or_not() {
        for room in [usize::MAX, 2_000, 200, 0] {
            let shelf = shelf(room);
            assert_eq!(shelf.file.is_some(), room < usize::MAX);
            for key in (0..200).chain([7, 199, 7, 0]) {
                assert_eq!(shelf.get(&key).map(|thing| thing.to_string()), Some(key.to_string().repeat(9)), "{room}");
            }
            assert!(shelf.get(&200).is_none() && !shelf.has(&200) && shelf.has(&199));
            let recent = shelf.recent.lock().unwrap();
            assert!(recent.size <= room.max(100), "{} of {room}", recent.size);
        }
    }

    #[test]
    fn one_that_cannot_be_read_again_is_told_of() {
        let shelf = shelf(1_000);
        assert!(shelf.failed().is_none());
        shelf.file.as_ref().unwrap().set_len(shelf.end - 1).unwrap();
        assert!(shelf.get(&60).is_some() && shelf.failed().is_none());
        assert!(shelf.get(&199).is_none());
        assert_eq!(shelf.failed().unwrap().kind(), io::ErrorKind::InvalidData);
    }
}
