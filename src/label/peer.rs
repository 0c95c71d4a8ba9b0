//! The [`Peer`] of a connection, as far as its fields tell which [`End`] that is. What lists say of it is not known here.

use std::net::IpAddr;

use crate::connection::{
    glossary::{Field, INBOUND, OUTBOUND},
    pattern::undotted,
};

/// An end of a connection, as fields tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The field of its address.
    pub(super) address: Field,
    /// That of its name.
    pub(super) name: Field,
}

/// The destination.
pub(super) const DEST: End = End { address: Field::DestIp, name: Field::Dest };
const SRC: End = End { address: Field::SrcIp, name: Field::Src };
const REMOTE: End = End { address: Field::RemoteIp, name: Field::Remote };

/// Which end of a connection is the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// The destination of what the host has opened.
    Opened,
    /// The destination of what came in, also if its address and its name are not stated.
    Dest,
    /// The source of what came in, likewise.
    Src,
    /// That is not known, but the fields of the other end may have its texts.
    Inbound,
    /// Nothing is known, since the direction is not stated.
    Unknown,
}

impl End {
    /// Its address. Where that is not told, its name can be it: what has no name is called by its address.
    pub(super) fn address_of<'a>(self, value: impl Fn(Field) -> &'a str) -> &'a str {
        let (own, name) = (value(self.address), value(self.name));
        if own.is_empty() && address(name).is_some() { name } else { own }
    }

    /// Its name, unless that is its address, or may be it.
    pub(super) fn name_of<'a>(self, value: impl Fn(Field) -> &'a str) -> &'a str {
        let (own, name) = (value(self.address), value(self.name));
        let is_own = address(name).is_some() && (own.is_empty() || address(own) == address(name));
        if is_own { "" } else { name }
    }
}

impl Peer {
    /// By the direction, and of what came in by the addresses of the other end and of the host itself.
    pub(super) fn of<'a>(value: impl Fn(Field) -> &'a str) -> Self {
        match value(Field::Direction) {
            OUTBOUND => Self::Opened,
            INBOUND => {
                let [dest, src, remote, local] = [DEST.address, SRC.address, REMOTE.address, Field::LocalIp].map(value);
                let is_only = |own: &str, one: &str, other: &str| !own.is_empty() && own == one && own != other;
                if is_only(local, src, dest) || is_only(remote, dest, src) {
                    Self::Dest
                } else if is_only(local, dest, src) || is_only(remote, src, dest) {
                    Self::Src
                } else {
                    Self::Inbound
                }
            }
            _ => Self::Unknown,
        }
    }

    /// The ends whose texts are asked of, where `has` tells whether an end has such a text: both ends where the peer is not known.
    pub(super) fn ends(self, has: impl Fn(End) -> bool) -> &'static [End] {
        match self {
            Self::Opened if has(DEST) => &[DEST],
            // Groups that were named by the other end have the peer there.
            Self::Opened => &[REMOTE],
            Self::Dest => &[REMOTE, DEST],
            Self::Src => &[REMOTE, SRC],
            Self::Inbound if has(REMOTE) => &[REMOTE],
            Self::Inbound | Self::Unknown => &[REMOTE, DEST, SRC],
        }
    }

    /// The ends whose texts groups lack, where `tells` says whether they have a field for such a text of an end, or the text, and `has`
    /// whether they have the text.
    pub(super) fn lacking(self, tells: impl Fn(End) -> bool, has: impl Fn(End) -> bool) -> impl Iterator<Item = End> {
        let (is_told, takes) = match self {
            Self::Opened | Self::Dest => (tells(REMOTE), &[DEST][..]),
            Self::Src => (tells(REMOTE), &[SRC][..]),
            Self::Inbound | Self::Unknown => (has(REMOTE), &[DEST, SRC][..]),
        };
        takes.iter().copied().filter(move |&end| !is_told && !tells(end))
    }
}

/// The address that a text is: IPv4 where it is an IPv4-mapped one, as fields have it. One with a dot at its end is one too.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    undotted(text).parse().ok().map(|address: IpAddr| address.to_canonical())
}
