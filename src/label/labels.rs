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
        glossary::{Field, OUTBOUND},
        pattern::{folded, undotted},
    },
    error::Error,
    evidence::digest::{self, Digests},
    label::{
        geoip::{Database, Place},
        peer::{DEST, End, Peer, address},
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

/// The fields that tell what is asked of a connection.
pub const ASKED: [Field; 8] = [
    Field::Direction,
    Field::DestIp,
    Field::Dest,
    Field::SrcIp,
    Field::Src,
    Field::RemoteIp,
    Field::Remote,
    Field::LocalIp,
];

/// Lists and databases.
#[derive(Debug)]
pub struct Labels {
    lists: Vec<(LabelFile, Watchlist)>,
    databases: Vec<(LabelFile, Database)>,
    /// One line for each list that has unused entries, or is of no use.
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

    /// Makes sure that groups by these fields can tell what is asked, where no hit is known.
    ///
    /// # Errors
    ///
    /// Text for a person: which fields it takes.
    pub fn check_fields(&self, fields: &[Field]) -> Result<(), String> {
        let has = |choice: [Field; 2]| choice.iter().any(|field| fields.contains(field));
        let (takes, what) = match () {
            () if self.ask_addresses() && !has([Field::DestIp, Field::RemoteIp]) => (Field::DestIp, "addresses"),
            () if self.ask_names() && !has([Field::Dest, Field::Remote]) => (Field::Dest, "names"),
            () => return Ok(()),
        };
        let option = if self.has_lists() { "--watchlist" } else { "--geoip" };
        Err(format!(
            "{option}: the groups in the partial results have no {what} without {takes}: scan with {takes} in --group-by, or with \
             --partial-events"
        ))
    }

    /// The fields that groups by `fields` lack for what is asked of the peer of connections with these values: none if they tell it.
    ///
    /// Connections whose peer is known need no other end. Of others it takes both.
    pub fn untold<'a>(&self, fields: &[Field], value: impl Fn(Field) -> &'a str) -> Vec<Field> {
        let peer = Peer::of(&value);
        let mut lacking = Vec::new();
        if self.ask_addresses() {
            let has = |end: End| fields.contains(&end.address) || !end.address_of(&value).is_empty();
            lacking.extend(peer.lacking(has, |end| !end.address_of(&value).is_empty()).map(|end| end.address));
        }
        if self.ask_names() {
            let has = |end: End| fields.contains(&end.name) || !value(end.name).is_empty();
            lacking.extend(peer.lacking(has, |end| !value(end.name).is_empty()).map(|end| end.name));
        }
        lacking
    }

    /// The files of the databases that have nothing of use, as far as they were asked.
    pub fn useless(&self) -> impl Iterator<Item = &LabelFile> {
        self.databases.iter().filter(|(_, database)| database.is_of_no_use()).map(|(file, _)| file)
    }

    /// What of lists is not used.
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
        unused.collect()
    }

    /// What is asked of a connection with these values and of the names that its process asked DNS for.
    pub fn asked<'a>(value: impl Fn(Field) -> &'a str, queries: impl Iterator<Item = &'a str>) -> Asked<'a> {
        let peer = Peer::of(&value);
        let mut asked = Asked::default();
        let add = |texts: &mut Vec<&'a str>, text: &'a str| {
            if !text.is_empty() && !texts.contains(&text) {
                texts.push(text);
            }
        };
        if value(Field::Direction) == OUTBOUND && value(Field::DestIp).is_empty() {
            // Its name may read as another address.
            add(&mut asked.addresses, value(Field::RemoteIp));
        }
        for end in peer.ends(|end| !end.address_of(&value).is_empty()) {
            add(&mut asked.addresses, end.address_of(&value));
        }
        // What has no name states its address in its place, and is known.
        for end in peer.ends(|end| !value(end.name).is_empty()).iter().chain([&DEST]) {
            add(&mut asked.names, end.name_of(&value));
        }
        // There can be thousands, each once: they are compared with the others alone.
        let of_ends = asked.names.clone();
        let is_new = |name: &&str| !name.is_empty() && address(name).is_none() && !of_ends.contains(name);
        asked.names.extend(queries.filter(is_new));
        asked
    }

    /// What is said of it. A name that reads as an address is looked for as one on lists, but nothing shows that it is the peer's.
    ///
    /// # Errors
    ///
    /// A database is damaged.
    pub fn find(&self, asked: &Asked<'_>) -> Result<Found, Error> {
        let addresses: Vec<(IpAddr, &str)> =
            asked.addresses.iter().filter_map(|&text| Some((text.parse().ok()?, text))).collect();
        let read = asked.names.iter().filter_map(|name| address(name));
        let read: Vec<(IpAddr, String)> = read.map(|address| (address, address.to_string())).collect();
        let names = asked.names.iter().filter(|name| address(name).is_none());
        let names: Vec<String> = names.map(|name| folded(undotted(name))).collect();
        let has = |list: &Watchlist| {
            addresses.iter().any(|&(address, text)| list.lists_address(address, text))
                || read.iter().any(|(address, text)| list.lists_address(*address, text))
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
    use crate::connection::glossary::INBOUND;

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
    fn of_a_peer_that_is_known_nothing_is_asked_of_the_host_also_where_its_texts_are_not_stated() {
        use Field::{Dest, DestIp, Direction, LocalIp, Remote, RemoteIp, Src, SrcIp};
        // The host is 10.0.0.5, by name ws.test; a peer has no name, no address, or neither.
        for (ip, name) in [("9.9.9.9", "9.9.9.9"), ("", "peer.test"), ("", "")] {
            let addresses: Vec<&str> = [ip].into_iter().filter(|ip| !ip.is_empty()).collect();
            let of_peer = [name].into_iter().filter(|&name| name == "peer.test");
            let names: Vec<&str> = of_peer.chain(["query.test"]).collect();
            let remote = [(RemoteIp, ip), (Remote, name), (LocalIp, "10.0.0.5")];
            let to_peer = [(DestIp, ip), (Dest, name), (SrcIp, "10.0.0.5"), (Src, "ws.test")];
            let inbound = asked(&[&[(Direction, "inbound")], &to_peer[..], &remote].concat());
            assert_eq!(inbound, (addresses.clone(), names.clone()));
            // By the addresses of the ends alone, as groups can have them.
            let groups = asked(&[&[(Direction, "inbound"), (LocalIp, "10.0.0.5")], &to_peer[..]].concat());
            assert_eq!(groups, (addresses.clone(), names.clone()));
            let from_peer = [(SrcIp, ip), (Src, name), (DestIp, "10.0.0.5"), (Dest, "10.0.0.5")];
            let inbound = asked(&[&[(Direction, "inbound")], &from_peer[..], &remote].concat());
            assert_eq!(inbound, (addresses, names));
        }
        let named = [(Direction, "inbound"), (Remote, "9.9.9.9"), (Dest, "9.9.9.9"), (Src, "ws.test")];
        assert_eq!(asked(&named), (vec!["9.9.9.9"], vec!["query.test"]));
        // What a host has opened to itself, where its log does not state from where.
        let itself =
            [(DestIp, "10.0.0.5"), (Dest, "10.0.0.5"), (Src, "ws.test"), (Remote, "ws.test"), (LocalIp, "10.0.0.5")];
        let itself = asked(&[&[(Direction, "outbound")], &itself[..]].concat());
        assert_eq!(itself, (vec!["10.0.0.5"], vec!["query.test"]));
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

    /// Labels of a list with an address and a name.
    fn labels() -> Labels {
        let list = Watchlist::read(Path::new("bad.txt"), b"9.9.9.0/24\nevil.test\n").unwrap();
        let file = LabelFile { path: "bad.txt".into(), size: 0, digests: None };
        Labels { lists: vec![(file, list)], databases: Vec::new(), remarks: Vec::new() }
    }

    #[test]
    fn of_a_peer_that_groups_do_not_tell_it_is_said_which_fields_they_lack() {
        use Field::{Dest, DestIp, Direction, LocalIp, Remote, RemoteIp, Src, SrcIp};
        let lacking = |values: &[(Field, &'static str)]| {
            let fields: Vec<Field> = values.iter().map(|&(field, _)| field).collect();
            labels().untold(&fields, |field| {
                values.iter().find(|(other, _)| *other == field).map_or("", |&(_, value)| value)
            })
        };
        let (out, inbound) = ((Direction, "outbound"), (Direction, "inbound"));
        let all = [DestIp, SrcIp, Dest, Src];
        // The fields are there, and have no value, since the peer is not known.
        assert_eq!(lacking(&[(Remote, ""), (RemoteIp, "")]), all);
        assert_eq!(lacking(&[inbound, (Remote, ""), (RemoteIp, "")]), all);
        assert_eq!(lacking(&[inbound, (Remote, "x.test"), (RemoteIp, "9.9.9.9")]), []);
        // Half of the peer is there: a name is not an address, unless it reads as one.
        assert_eq!(lacking(&[inbound, (DestIp, "10.0.0.1"), (Dest, "ws"), (Remote, "x.test")]), [SrcIp]);
        assert_eq!(lacking(&[inbound, (DestIp, "10.0.0.1"), (Dest, "ws"), (Remote, "9.9.9.9")]), []);
        assert_eq!(lacking(&[inbound, (DestIp, "10.0.0.1"), (Dest, "ws"), (Src, "x.test")]), [SrcIp]);
        assert_eq!(lacking(&[inbound, (DestIp, "10.0.0.1"), (Dest, "ws"), (RemoteIp, "9.9.9.9")]), [Src]);
        assert_eq!(lacking(&[inbound, (DestIp, "10.0.0.1"), (Dest, "ws"), (SrcIp, "9.9.9.9")]), [Src]);
        // Which end is the peer, the host's own address tells.
        let local = (LocalIp, "10.0.0.1");
        assert_eq!(lacking(&[inbound, local, (DestIp, "10.0.0.1"), (Dest, "ws"), (SrcIp, ""), (Src, "")]), []);
        assert_eq!(lacking(&[inbound, local, (DestIp, "10.0.0.1"), (Dest, "ws")]), [SrcIp, Src]);
        assert_eq!(lacking(&[inbound, local, (SrcIp, "10.0.0.1"), (RemoteIp, ""), (Remote, "")]), []);
        assert_eq!(lacking(&[(DestIp, "9.9.9.9"), (Dest, "x.test")]), [SrcIp, Src]);
        assert_eq!(lacking(&[out, (DestIp, ""), (Dest, "")]), []);
        assert_eq!(lacking(&[out, (RemoteIp, "9.9.9.9"), (Remote, "x.test")]), []);
        assert_eq!(lacking(&[out, (Dest, "x.test")]), [DestIp]);
        assert_eq!(lacking(&[(DestIp, ""), (Dest, ""), (SrcIp, ""), (Src, "")]), []);
    }

    #[test]
    fn a_name_that_reads_as_another_address_is_looked_for_on_lists() {
        use Field::{Dest, DestIp, Direction};
        let value = |field| match field {
            Direction => OUTBOUND,
            Dest => "::ffff:9.9.9.7.",
            DestIp => "1.1.1.1",
            _ => "",
        };
        let asked = Labels::asked(value, std::iter::empty());
        // Its own is not, where it is not the peer's.
        let own = [(Direction, INBOUND), (Dest, "9.9.9.7"), (DestIp, "9.9.9.7"), (Field::RemoteIp, "1.1.1.1")];
        let own = |field| own.iter().find(|(other, _)| *other == field).map_or("", |&(_, value)| value);
        assert!(labels().find(&Labels::asked(own, std::iter::empty())).unwrap().is_empty());
        assert_eq!((&*asked.addresses, &*asked.names), (&["1.1.1.1"][..], &["::ffff:9.9.9.7."][..]));
        assert_eq!(labels().find(&asked).unwrap().lists, [0]);
    }

    #[test]
    fn what_has_no_name_is_asked_of_by_its_address_alone() {
        use Field::{Dest, DestIp, Direction};
        let out = (Direction, "outbound");
        assert_eq!(asked(&[out, (Dest, "9.9.9.9")]), (vec!["9.9.9.9"], vec!["query.test"]));
        assert_eq!(asked(&[out, (Dest, "9.9.9.9"), (DestIp, "9.9.9.9")]).1, ["query.test"]);
        assert_eq!(asked(&[out, (Dest, "9.9.9.9"), (Field::RemoteIp, "8.8.8.8")]).0, ["8.8.8.8", "9.9.9.9"]);
        assert_eq!(asked(&[out, (Dest, "odd text"), (DestIp, "odd text")]).0, ["odd text"]);
    }
}
