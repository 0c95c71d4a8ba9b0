//! The [`Ends`] of a connection: the host that logged it, and its peer, whichever of the two its log calls the destination.

use std::net::IpAddr;

/// The ends of one connection. What is not known is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// The peer as it is named, or else its address.
    pub remote: String,
    /// The peer's address.
    pub remote_ip: String,
    /// The peer's port.
    pub remote_port: String,
    /// The host's own address.
    pub local_ip: String,
    /// The host's own port.
    pub local_port: String,
    /// The peer's address, if it is one.
    pub remote_addr: Option<IpAddr>,
}
