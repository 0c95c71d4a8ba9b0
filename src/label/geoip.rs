//! A [`Database`]: who owns networks and in which countries they are, from a file in the format of `MaxMind` (`.mmdb`). Only this file names
//! the `maxminddb` crate.
//!
//! Its values are those of `MaxMind` (`autonomous_system_number`, `autonomous_system_organization`, `country.iso_code`) and the flat ones of
//! `IPinfo` (`asn`, `as_name`, `country_code`, `country`). The file is read into memory as a whole: mapping it would not be safe.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicBool, Ordering},
};

use maxminddb::Reader;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// A database.
#[derive(Debug)]
pub struct Database {
    reader: Reader<Vec<u8>>,
    /// Whether it was asked of an IPv6 address on the internet and has none.
    lacks_ipv6: AtomicBool,
    /// Whether it has said something of use.
    is_of_use: AtomicBool,
}

/// What databases say of an address. What they do not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The number of the autonomous system that it is in, without `AS`.
    pub asn: String,
    /// Whose that is.
    pub as_org: String,
    /// The code of the country.
    pub country: String,
}

/// What a database has for a network.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    autonomous_system_number: Value,
    autonomous_system_organization: Value,
    country: Value,
    asn: Value,
    as_name: Value,
    country_code: Value,
}

/// A value of any type, as far as it is of use.
#[derive(Debug, Default)]
enum Value {
    #[default]
    Other,
    Text(String),
    /// The code of a country that has more values.
    Code(String),
}

impl Database {
    /// Of what is in a file.
    ///
    /// # Errors
    ///
    /// It is not a database, or is damaged.
    pub fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let reader =
            Reader::from_source(bytes).map_err(|error| format!("not a database in MaxMind's format: {error}"))?;
        Ok(Self { reader, lacks_ipv6: AtomicBool::new(false), is_of_use: AtomicBool::new(false) })
    }

    /// What it says of an address; nothing if it does not know it.
    ///
    /// # Errors
    ///
    /// The database is damaged.
    pub fn place(&self, address: IpAddr) -> Result<Option<Place>, String> {
        if let (4, IpAddr::V6(address)) = (self.reader.metadata().ip_version, address) {
            if is_of_others(address) {
                self.lacks_ipv6.store(true, Ordering::Relaxed);
            }
            return Ok(None);
        }
        let entry = self.reader.lookup(address).and_then(|found| found.decode::<Entry>());
        let place = entry.map_err(|error| error.to_string())?.map(Place::of);
        if place.as_ref().is_some_and(|place| !place.is_empty()) {
            self.is_of_use.store(true, Ordering::Relaxed);
        }
        Ok(place)
    }

    /// Whether it is of IPv4 alone, and was asked of an IPv6 address that others have.
    #[must_use]
    pub fn lacks_ipv6(&self) -> bool {
        self.lacks_ipv6.load(Ordering::Relaxed)
    }

    /// Whether it has something for addresses, and never what is of use: neither for those that it was asked of, nor for some over all of
    /// IPv4.
    #[must_use]
    pub fn is_of_no_use(&self) -> bool {
        const STEP: u32 = (1 << 16) + 1;
        if self.is_of_use.load(Ordering::Relaxed) {
            return false;
        }
        let tried = (0..u32::MAX / STEP).map(|number| IpAddr::V4((number * STEP).into()));
        let mut places = tried.filter_map(|address| self.place(address).ok().flatten()).peekable();
        places.peek().is_some() && places.all(|place| place.is_empty())
    }
}

/// Whether an address can be one that a database tells the owner of.
fn is_of_others(address: Ipv6Addr) -> bool {
    !(address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local())
}

impl Place {
    fn of(entry: Entry) -> Self {
        let text = |value: Value| if let Value::Text(text) = value { text } else { String::new() };
        let first = |one: String, other: String| if one.is_empty() { other } else { one };
        let number = first(text(entry.autonomous_system_number), text(entry.asn));
        let is_number = |digits: &&str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let digits = number.strip_prefix("AS").filter(is_number).map(str::to_owned);
        Self {
            asn: digits.unwrap_or(number),
            as_org: first(text(entry.autonomous_system_organization), text(entry.as_name)),
            country: match entry.country {
                Value::Code(code) => first(code, text(entry.country_code)),
                // IPinfo has the code beside a name, and in other files in its place.
                other => first(text(entry.country_code), text(other)),
            },
        }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.asn.is_empty() && self.as_org.is_empty() && self.country.is_empty()
    }

    /// Takes what another database says, where this one says nothing.
    pub(super) fn fill(&mut self, other: Self) {
        for (own, other) in
            [(&mut self.asn, other.asn), (&mut self.as_org, other.as_org), (&mut self.country, other.country)]
        {
            if own.is_empty() {
                *own = other;
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Text(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Text(number.to_string()))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::Text(number.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut code = Value::Other;
        while let Some(key) = map.next_key::<String>()? {
            if key == "iso_code" {
                code = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(if let Value::Text(code) = code { Value::Code(code) } else { Value::Other })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::mmdb_writer::{self, Value as Written, ipinfo, maxmind};

    fn place(database: &Database, address: &str) -> Option<[String; 3]> {
        let place = database.place(address.parse().unwrap()).unwrap();
        place.map(|Place { asn, as_org, country }| [asn, as_org, country])
    }

    fn read(networks: &[(&str, u8, Written)]) -> Database {
        Database::read(mmdb_writer::database(networks)).unwrap()
    }

    #[test]
    fn values_are_found_by_the_names_of_maxmind_and_of_ipinfo() {
        let database = read(&[
            ("8.8.8.0", 24, maxmind(15169, "GOOGLE", "US")),
            ("9.9.9.0", 24, ipinfo("AS19281", "Quad9", "CH", "Switzerland")),
            ("1.1.1.0", 24, ipinfo("ASX", "", "", "AU")),
            ("2620:fe::", 48, ipinfo("AS42", "", "", "")),
        ]);
        let texts = |texts: [&str; 3]| Some(texts.map(str::to_owned));
        assert_eq!(place(&database, "8.8.8.8"), texts(["15169", "GOOGLE", "US"]));
        assert_eq!(place(&database, "9.9.9.255"), texts(["19281", "Quad9", "CH"]));
        assert_eq!(place(&database, "1.1.1.1"), texts(["ASX", "", "AU"]));
        assert_eq!(place(&database, "2620:fe::fe"), texts(["42", "", ""]));
        assert_eq!(place(&database, "8.8.9.8"), None);
        assert_eq!(place(&database, "::1"), None);
    }

    #[test]
    fn a_database_of_ipv4_knows_no_ipv6() {
        let database = read(&[("8.8.8.0", 24, maxmind(15169, "GOOGLE", "US"))]);
        assert_eq!(place(&database, "2620:fe::fe"), None);
    }

    #[test]
    fn one_that_has_other_values_alone_is_of_no_use() {
        let other = || Written::Map(vec![("is_anonymous", Written::U32(1))]);
        assert!(read(&[("0.0.0.0", 1, other())]).is_of_no_use());
        assert!(!read(&[("0.0.0.0", 1, other()), ("128.0.0.0", 1, maxmind(1, "A", "B"))]).is_of_no_use());
        // Too small a network to be met, unless it is asked of.
        let small = read(&[("0.0.0.0", 1, other()), ("200.0.0.7", 32, maxmind(1, "A", "B"))]);
        assert!(place(&small, "200.0.0.7").is_some() && !small.is_of_no_use());
        // Too few networks to meet any.
        assert!(!read(&[("8.8.8.9", 32, other())]).is_of_no_use());
    }

    #[test]
    fn a_damaged_one_is_an_error_or_says_something_else_and_never_a_panic() {
        let whole = mmdb_writer::database(&[
            ("8.8.8.0", 24, maxmind(15169, "GOOGLE", "US")),
            ("2620:fe::", 48, ipinfo("AS42", "Quad9", "CH", "")),
        ]);
        assert!(whole.len() < 3000);
        let mut errors = 0;
        let mut ask = |bytes: Vec<u8>| match Database::read(bytes) {
            Ok(database) => ["8.8.8.8", "2620:fe::fe", "::", "255.255.255.255"].iter().for_each(|address| {
                errors += u64::from(database.place(address.parse().unwrap()).is_err());
            }),
            Err(_) => errors += 1,
        };
        for at in 0..whole.len() {
            for byte in [0, 0xff, whole[at] ^ 1, whole[at] ^ 0x20, whole[at] ^ 0x80] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                ask(damaged);
            }
            if at % 7 == 0 {
                ask(whole[..at].to_vec());
                ask(whole[at..].to_vec());
            }
        }
        assert!(errors > 500, "{errors}");
    }
}
