//! [`Labels`]: all lists and databases of a run, and what they say of a connection.
//!
//! The peer is looked up: the destination of an outbound connection, the far end of an inbound one, both ends where that is not known.
//! Names are those of the peer, `dest` as it is logged, and those that the process asked DNS for.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use crate::{
    connection::{
        glossary::{Field, INBOUND, OUTBOUND},
        pattern::{folded, undotted},
    },
    error::Error,
    evidence::digest::{self, Digests},
    label::{
        geoip::{Database, Place},
        told::{Found, Told},
        watchlist::Watchlist,
    },
    text,
};

/// The column of lists.
pub const OF_LISTS: &str = "watchlist";
/// The columns of databases.
pub const OF_DATABASES: [&str; 3] = ["dest_asn", "dest_as_org", "dest_country"];
/// The one of them that is a number, as a rule.
pub const OF_NUMBER: &str = "dest_asn";

/// Lists and databases.
#[derive(Debug)]
pub struct Labels {
    lists: Vec<(LabelFile, Watchlist)>,
    databases: Vec<(LabelFile, Database)>,
    /// One line for each file that has unused entries, or is of no use.
    pub remarks: Vec<String>,
}

/// A file that labels are from.
#[derive(Debug, Clone)]
pub struct LabelFile {
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes it has.
    pub size: u64,
    /// Its digests, if they were asked for.
    pub digests: Option<Digests>,
}

/// What is asked of a connection: the texts of addresses, and names, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Asked<'a> {
    /// Addresses of the peer.
    pub addresses: Vec<&'a str>,
    /// Names of it.
    pub names: Vec<&'a str>,
}

impl Labels {
    /// Reads lists and databases; nothing if there are none. They are hashed if that is asked for.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is not a list or a database.
    pub fn read(lists: &[PathBuf], databases: &[PathBuf], hashing: bool) -> Result<Option<Self>, Error> {
        if lists.is_empty() && databases.is_empty() {
            return Ok(None);
        }
        let list = |path: &PathBuf| read("--watchlist", path, hashing, |bytes| Watchlist::read(path, &bytes));
        let database = |path: &PathBuf| read("--geoip", path, hashing, Database::read);
        let mut labels = Self {
            lists: lists.iter().map(list).collect::<Result<_, _>>()?,
            databases: databases.iter().map(database).collect::<Result<_, _>>()?,
            remarks: Vec::new(),
        };
        labels.remarks = labels.unused();
        Ok(Some(labels))
    }

    /// Whether there are lists.
    #[must_use]
    pub fn has_lists(&self) -> bool {
        !self.lists.is_empty()
    }

    /// Whether there are databases.
    #[must_use]
    pub fn has_databases(&self) -> bool {
        !self.databases.is_empty()
    }

    /// Whether names are asked of, and not only addresses.
    #[must_use]
    pub fn ask_names(&self) -> bool {
        self.lists.iter().any(|(_, list)| list.has_names())
    }

    /// Whether addresses are asked of, and not only names.
    #[must_use]
    pub fn ask_addresses(&self) -> bool {
        self.has_databases() || self.lists.iter().any(|(_, list)| list.has_addresses())
    }

    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> + use<> {
        let databases = self.has_databases();
        self.has_lists().then_some(OF_LISTS).into_iter().chain(OF_DATABASES.into_iter().filter(move |_| databases))
    }

    /// The values of the columns, with `;` between several.
    #[must_use]
    pub fn values(&self, told: &Told) -> Vec<String> {
        let lists = self.has_lists().then(|| {
            let mut names = Vec::new();
            for name in told.lists().filter_map(|place| self.list_name(place)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names.join(";")
        });
        lists.into_iter().chain(told.places().into_iter().filter(|_| self.has_databases())).collect()
    }

    /// The lists, with their files.
    pub fn lists(&self) -> impl Iterator<Item = (&LabelFile, &Watchlist)> {
        self.lists.iter().map(|(file, list)| (file, list))
    }

    /// What the list at a place is called.
    #[must_use]
    pub fn list_name(&self, place: u32) -> Option<&str> {
        self.lists.get(place as usize).map(|(_, list)| &*list.name)
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &LabelFile> {
        self.lists().map(|(file, _)| file).chain(self.databases())
    }

    /// The files of the databases.
    pub fn databases(&self) -> impl Iterator<Item = &LabelFile> {
        self.databases.iter().map(|(file, _)| file)
    }

    /// The files of the databases that are of IPv4 alone, and were asked of IPv6 addresses.
    pub fn without_ipv6(&self) -> impl Iterator<Item = &LabelFile> {
        self.databases.iter().filter(|(_, database)| database.lacks_ipv6()).map(|(file, _)| file)
    }

    /// Makes sure that groups by these fields tell what is asked, where no hit is known.
    ///
    /// # Errors
    ///
    /// Text for a person: which fields it takes.
    pub fn check_fields(&self, fields: &[Field]) -> Result<(), String> {
        let has = |choice: [Field; 2]| choice.iter().any(|field| fields.contains(field));
        let takes = match () {
            () if self.ask_addresses() && !has([Field::DestIp, Field::RemoteIp]) => Field::DestIp,
            () if self.ask_names() && !has([Field::Dest, Field::Remote]) => Field::Dest,
            () => return Ok(()),
        };
        let option = if self.has_lists() { "--watchlist" } else { "--geoip" };
        let what = if takes == Field::DestIp { "addresses" } else { "names" };
        Err(format!(
            "{option}: the partial results have only groups, which have no {what} without {takes}: add {takes} to --group-by, or \
             scan with --partial-events"
        ))
    }

    /// What of them is not used or of no use.
    fn unused(&self) -> Vec<String> {
        let unused = self.lists.iter().filter(|(_, list)| list.unused.count > 0).map(|(file, list)| {
            let (unused, all) = (list.unused.count, list.unused.count + list.count);
            let (unused, all) = (text::grouped(unused), text::grouped(all));
            let first = list.unused.first.join(", ");
            format!(
                "--watchlist {}: {unused} of {all} entries ignored, since no address or name can be compared with them, for example {first}",
                file.shown()
            )
        });
        let useless = self.databases.iter().filter(|(_, database)| database.is_of_no_use()).map(|(file, _)| {
            format!("--geoip {}: no autonomous system, owner or country was found in it", file.shown())
        });
        unused.chain(useless).collect()
    }

    /// What is asked of a connection with these values and of the names that its process asked DNS for.
    pub fn asked<'a>(value: impl Fn(Field) -> &'a str, queries: impl Iterator<Item = &'a str>) -> Asked<'a> {
        const DEST: [Field; 2] = [Field::DestIp, Field::Dest];
        const SRC: [Field; 2] = [Field::SrcIp, Field::Src];
        const REMOTE: [Field; 2] = [Field::RemoteIp, Field::Remote];
        let is_known = REMOTE.iter().any(|&field| !value(field).is_empty());
        let is_without_dest = DEST.iter().any(|&field| value(field).is_empty());
        let ends: &[[Field; 2]] = match value(Field::Direction) {
            // Groups that were partly named by the other end have the peer there.
            OUTBOUND if is_known && is_without_dest => &[DEST, REMOTE],
            OUTBOUND => &[DEST],
            INBOUND if is_known => &[REMOTE],
            _ => &[REMOTE, DEST, SRC],
        };
        let mut asked = Asked::default();
        let add = |texts: &mut Vec<&'a str>, text: &'a str| {
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        };
        for &[address, name] in ends {
            let (address, name) = (value(address), value(name));
            // What has no name is called by its address.
            let is_address = name.parse::<IpAddr>().is_ok();
            add(&mut asked.addresses, if address.is_empty() && is_address { name } else { address });
            add(&mut asked.names, name);
        }
        add(&mut asked.names, value(Field::Dest));
        // There can be thousands, each once: they are compared with the others alone.
        let of_ends = asked.names.clone();
        asked.names.extend(queries.filter(|name| !name.is_empty() && !of_ends.contains(name)));
        asked.names.retain(|name| name.parse::<IpAddr>().is_err());
        asked
    }

    /// What is said of it.
    ///
    /// # Errors
    ///
    /// A database is damaged.
    pub fn find(&self, asked: &Asked<'_>) -> Result<Found, Error> {
        let addresses: Vec<(IpAddr, &str)> =
            asked.addresses.iter().filter_map(|&text| Some((text.parse().ok()?, text))).collect();
        let names: Vec<String> = asked.names.iter().map(|name| folded(undotted(name))).collect();
        let has = |list: &Watchlist| {
            addresses.iter().any(|&(address, text)| list.lists_address(address, text))
                || names.iter().any(|name| list.lists_name(name))
        };
        let lists = (0..).zip(&self.lists).filter(|(_, (_, list))| has(list)).map(|(place, _)| place).collect();
        let mut places = Vec::new();
        for &(address, _) in &addresses {
            let place = self.place(address)?;
            if !place.is_empty() {
                places.push(place);
            }
        }
        Ok(Found { lists, places })
    }

    /// What the databases say of an address: of each value what the first says that knows it.
    fn place(&self, address: IpAddr) -> Result<Place, Error> {
        let mut place = Place::default();
        for (file, database) in &self.databases {
            let told = database.place(address);
            let told = told.map_err(|cause| Error::file(&file.path, "cannot look up an address in it", &cause))?;
            place.fill(told.unwrap_or_default());
        }
        Ok(place)
    }
}

/// Whether these fields, with these values, tell the peer of connections: the source of what came in, the destination of what a host has
/// opened, or the other end.
pub fn tell_peer<'a>(fields: &[Field], value: impl Fn(Field) -> &'a str) -> bool {
    let has = |ends: &[Field]| ends.iter().any(|end| fields.contains(end));
    let (source, dest) = (has(&[Field::SrcIp, Field::Src]), has(&[Field::DestIp, Field::Dest]));
    has(&[Field::RemoteIp, Field::Remote])
        || match value(Field::Direction) {
            OUTBOUND => dest,
            INBOUND => source,
            _ => source && dest,
        }
}

impl LabelFile {
    /// Its path, safe to print.
    #[must_use]
    pub fn shown(&self) -> String {
        text::path(&self.path)
    }
}

/// Reads a file that was given for an option.
fn read<T>(
    option: &str,
    path: &Path,
    hashing: bool,
    make: impl FnOnce(Vec<u8>) -> Result<T, String>,
) -> Result<(LabelFile, T), Error> {
    let wrong = |cause: String| Error::Usage(format!("{option} {}: {cause}", text::path(path)));
    let bytes = fs::read(path).map_err(|error| wrong(format!("cannot read it: {error}")))?;
    let size = bytes.len() as u64;
    let digests = hashing.then(|| digest::read(&*bytes)).transpose().map_err(|error| wrong(error.to_string()))?;
    let digests = digests.map(|(digests, _)| digests);
    Ok((LabelFile { path: path.to_owned(), size, digests }, make(bytes).map_err(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[(Field, &'static str)]) -> (Vec<&'static str>, Vec<&'static str>) {
        let value = |field| values.iter().find(|(other, _)| *other == field).map_or("", |&(_, value)| value);
        let Asked { addresses, names } = Labels::asked(value, ["query.test"].into_iter());
        (addresses, names)
    }

    #[test]
    fn the_peer_is_asked_of_and_both_ends_where_it_is_not_known() {
        use Field::{Dest, DestIp, Direction, Remote, RemoteIp, Src, SrcIp};
        let ends = [(DestIp, "10.0.0.1"), (Dest, "ws.test"), (SrcIp, "9.9.9.9"), (Src, "peer.test")];
        let of = |more: &[(Field, &'static str)]| asked(&[&ends, more].concat());
        assert_eq!(of(&[(Direction, "outbound")]), (vec!["10.0.0.1"], vec!["ws.test", "query.test"]));
        let remote = [(RemoteIp, "9.9.9.9"), (Remote, "peer.test")];
        let known = of(&[&[(Direction, "inbound")], &remote[..]].concat());
        assert_eq!(known, (vec!["9.9.9.9"], vec!["peer.test", "ws.test", "query.test"]));
        for direction in ["inbound", ""] {
            let both = of(&[(Direction, direction)]);
            assert_eq!(both, (vec!["10.0.0.1", "9.9.9.9"], vec!["ws.test", "peer.test", "query.test"]));
        }
    }

    #[test]
    fn of_what_a_host_has_opened_the_peer_is_known_by_the_fields_that_there_are() {
        use Field::{Dest, DestIp, Direction, Remote, RemoteIp, SrcIp};
        let of =
            |more: &[(Field, &'static str)]| asked(&[&[(Direction, "outbound"), (SrcIp, "10.0.0.1")], more].concat());
        assert_eq!(of(&[(RemoteIp, "9.9.9.9")]), (vec!["9.9.9.9"], vec!["query.test"]));
        assert_eq!(of(&[(RemoteIp, "9.9.9.9"), (Remote, "c2.test")]), (vec!["9.9.9.9"], vec!["c2.test", "query.test"]));
        assert_eq!(of(&[(RemoteIp, "9.9.9.9"), (Dest, "c2.test")]), (vec!["9.9.9.9"], vec!["c2.test", "query.test"]));
        assert_eq!(of(&[(DestIp, "9.9.9.9"), (Remote, "c2.test")]), (vec!["9.9.9.9"], vec!["c2.test", "query.test"]));
    }

    #[test]
    fn what_has_no_name_is_asked_of_by_its_address_alone() {
        use Field::{Dest, DestIp, Direction};
        let out = (Direction, "outbound");
        assert_eq!(asked(&[out, (Dest, "9.9.9.9")]), (vec!["9.9.9.9"], vec!["query.test"]));
        assert_eq!(asked(&[out, (Dest, "9.9.9.9"), (DestIp, "9.9.9.9")]).1, ["query.test"]);
        assert_eq!(asked(&[out, (Dest, "odd text"), (DestIp, "odd text")]).0, ["odd text"]);
    }
}
