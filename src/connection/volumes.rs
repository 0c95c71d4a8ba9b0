//! [`Volumes`]: which drive a volume is on a host. Windows' Security-Auditing names the executables of connections by volumes, such as
//! `\device\harddiskvolume1\windows\system32\svchost.exe`, and everything else names them by drives.
//!
//! A volume is a drive where what stands behind both is the same in paths of the host, and no other drive's path ends so. Which volume
//! is which drive can change when disks are added; two volumes can be one drive then.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    connection::{
        host, security,
        sysmon::{self, stated},
    },
    evtx::event::Event,
};

/// The events that name an executable, and the fields in which they do.
const IMAGES: [(&str, &str, &str); 4] = [
    (sysmon::PROVIDER, "1", "Image"),
    (security::PROVIDER, "4688", CREATED),
    (security::PROVIDER, "5156", "Application"),
    (security::PROVIDER, "5157", "Application"),
];
/// The one of those fields that connections do not have.
pub const CREATED: &str = "NewProcessName";

/// The paths of executables on hosts, whose names are folded, in lower case, and what comes of them once they are matched.
#[derive(Debug, Clone, Default)]
pub struct Volumes {
    paths: BTreeMap<String, BTreeSet<String>>,
    /// What they take in memory, in bytes.
    size: usize,
    /// By host and by volume, in lower case.
    drives: HashMap<String, HashMap<String, char>>,
}

impl Volumes {
    /// Takes the path that an event names, if it is one of those that do.
    pub fn learn(&mut self, event: &Event<'_>) {
        let names = IMAGES.iter().filter(|(provider, id, _)| event.provider == *provider && event.event_id == *id);
        for path in names.filter_map(|(_, _, field)| event.field(field)) {
            if drive(path).is_some() || volume(path).is_some() {
                self.add(&host::folded(&event.computer), stated(path).to_lowercase());
            }
        }
    }

    fn add(&mut self, host: &str, path: String) {
        const EACH: usize = 2 * size_of::<String>() + 16;
        let size = EACH + path.len();
        if !self.paths.contains_key(host) {
            self.size += size_of::<BTreeSet<String>>() + EACH + host.len();
            self.paths.insert(host.to_owned(), BTreeSet::new());
        }
        if self.paths.get_mut(host).is_some_and(|paths| paths.insert(path)) {
            self.size += size;
        }
    }

    /// Adds what another part of a look has learned.
    pub fn merge(&mut self, other: Self) {
        for (host, paths) in other.paths {
            for path in paths {
                self.add(&host, path);
            }
        }
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Finds out which volume is which drive, and forgets the paths.
    pub fn match_up(&mut self) {
        for (host, paths) in std::mem::take(&mut self.paths) {
            let mut by_tail: HashMap<&str, BTreeSet<char>> = HashMap::new();
            for (drive, tail) in paths.iter().filter_map(|path| drive(path)) {
                by_tail.entry(tail).or_default().insert(drive);
            }
            let mut found: BTreeMap<&str, BTreeSet<char>> = BTreeMap::new();
            for (volume, tail) in paths.iter().filter_map(|path| volume(path)) {
                if let Some(drives) = by_tail.get(tail).filter(|drives| drives.len() == 1) {
                    found.entry(volume).or_default().extend(drives);
                }
            }
            let only = found.into_iter().filter(|(_, drives)| drives.len() == 1);
            let only = only.filter_map(|(volume, drives)| Some((volume.to_owned(), drives.into_iter().next()?)));
            self.drives.insert(host, only.collect());
        }
        self.size = 0;
    }

    /// A path by its drive, if it is one by a volume and that is known.
    #[must_use]
    pub fn on_drive(&self, host: &str, path: &str) -> Option<String> {
        let (volume, tail) = volume(path)?;
        let drive = self.drives.get(&*host::folded(host))?.get(&volume.to_lowercase())?;
        Some(format!("{drive}:{tail}"))
    }
}

/// The drive of a path, in upper case, and what is behind it.
fn drive(path: &str) -> Option<(char, &str)> {
    let mut rest = path.chars();
    let drive = rest.next().filter(char::is_ascii_alphabetic)?;
    let tail = rest.as_str().strip_prefix(':').filter(|tail| tail.starts_with('\\'))?;
    Some((drive.to_ascii_uppercase(), tail))
}

/// The volume of a path, and what is behind it.
fn volume(path: &str) -> Option<(&str, &str)> {
    const DEVICE: &str = r"\device\";
    let (device, rest) = path.split_at_checked(DEVICE.len())?;
    let end = DEVICE.len() + rest.find('\\').filter(|_| device.eq_ignore_ascii_case(DEVICE))?;
    path.split_at_checked(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volumes(paths: &[(&str, &str)]) -> Volumes {
        let mut volumes = Volumes::default();
        for (index, (id, path)) in paths.iter().enumerate() {
            let (provider, _, field) = IMAGES.iter().find(|(_, known, _)| known == id).unwrap();
            let event = Event {
                provider: (*provider).into(),
                event_id: (*id).into(),
                computer: "HOST".into(),
                data: vec![((*field).into(), (*path).into())],
                ..Event::default()
            };
            let mut part = Volumes::default();
            if index % 2 == 0 { &mut volumes } else { &mut part }.learn(&event);
            volumes.merge(part);
        }
        volumes.match_up();
        volumes
    }

    #[test]
    fn a_volume_is_the_drive_whose_paths_end_as_its_own() {
        let volumes = volumes(&[
            ("1", r"C:\Windows\System32\svchost.exe"),
            ("4688", r"D:\Tools\a.exe"),
            ("4688", r"D:\b.exe"),
            ("1", r"C:\b.exe"),
            ("5156", r"\device\harddiskvolume2\windows\system32\svchost.exe"),
            ("5156", r"\device\harddiskvolume2\b.exe"),
            ("5157", r"\device\harddiskvolume3\tools\a.exe"),
            ("5156", r"\device\harddiskvolume4\b.exe"),
            ("5156", r"\device\harddiskvolume5\windows\system32\svchost.exe"),
            ("5156", r"\device\harddiskvolume5\tools\a.exe"),
            ("5156", "System"),
        ]);
        let on_drive = |path| volumes.on_drive("HOST", path);
        assert_eq!(on_drive(r"\Device\HarddiskVolume2\x\Y.exe").as_deref(), Some(r"C:\x\Y.exe"));
        assert_eq!(on_drive(r"\device\harddiskvolume3\x.exe").as_deref(), Some(r"D:\x.exe"));
        assert_eq!(on_drive(r"\device\harddiskvolume4\b.exe"), None, "two drives have it");
        assert_eq!(on_drive(r"\device\harddiskvolume5\tools\a.exe"), None, "it would be two drives");
        assert_eq!(on_drive("System"), None);
        assert_eq!(volumes.on_drive("OTHER", r"\device\harddiskvolume2\x.exe"), None);
    }

    #[test]
    fn paths_are_by_a_drive_or_by_a_volume_or_neither() {
        assert_eq!(drive(r"c:\a"), Some(('C', r"\a")));
        assert_eq!(volume(r"\DEVICE\x\y\z"), Some((r"\DEVICE\x", r"\y\z")));
        for path in ["", "c:", "c:a", r"\device\x", r"\device", r"\\host\share\a.exe", "ä:\\b"] {
            assert_eq!((drive(path), volume(path)), (None, None), "{path}");
        }
    }
}
