//! Which addresses a responder or a distribution point may have.
//!
//! The URLs stand in certificates, so whoever issues certificates chooses where the worker connects to. By default that is
//! the public Internet and nothing else: not the worker itself, not its network, not the cloud's metadata service.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in CIDR notation; an address alone is a network of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// It is not an address, with or without a prefix length.
    #[error("`{0}` is not a network such as 10.0.0.0/8 or fd00::/8")]
    Malformed(String),
    /// The address has bits beyond the prefix: a typing error in one of the two.
    #[error("`{0}` has bits beyond its prefix")]
    HostBits(String),
}

/// Decides where the worker may fetch evidence from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    allowed: Vec<Network>,
}

impl Guard {
    /// Allows these networks besides the public Internet.
    pub(crate) fn new(allowed: Vec<Network>) -> Self {
        Self { allowed }
    }

    /// Whether the worker may connect to `address`. An IPv4 address inside an IPv6 one is judged as what it stands for.
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        self.allowed.iter().any(|network| network.holds(address)) || is_public(address)
    }
}

impl Network {
    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    const fn v6(first: u16, second: u16, third: u16, prefix: u8) -> Self {
        Self {
            address: IpAddr::V6(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0)),
            prefix,
        }
    }

    /// Whether `address` is in the network. Both are compared in their own family.
    fn holds(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let beyond = 32_u32.saturating_sub(self.prefix.into());
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(beyond).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let beyond = 128_u32.saturating_sub(self.prefix.into());
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(beyond).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    fn has_host_bits(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => {
                address
                    .to_bits()
                    .checked_shl(self.prefix.into())
                    .unwrap_or(0)
                    != 0
            }
            IpAddr::V6(address) => {
                address
                    .to_bits()
                    .checked_shl(self.prefix.into())
                    .unwrap_or(0)
                    != 0
            }
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let malformed = || NetworkError::Malformed(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits.parse::<u8>().map_err(|_| malformed())?,
        };
        if prefix > longest {
            return Err(malformed());
        }
        let network = Self { address, prefix };
        if network.has_host_bits() {
            return Err(NetworkError::HostBits(text.to_owned()));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped (RFC 4291 section 2.5.5.2), or behind the well-known prefix of a
/// NAT64 (RFC 6052), which networks without IPv4 use for every IPv4 host.
fn canonical(address: IpAddr) -> IpAddr {
    let address = address.to_canonical();
    match address {
        IpAddr::V6(v6) if NAT64.holds(address) => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V4(_) | IpAddr::V6(_) => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    let special = |networks: &[Network]| networks.iter().any(|network| network.holds(address));
    match address {
        IpAddr::V4(_) => !special(&SPECIAL_V4),
        IpAddr::V6(_) => GLOBAL_V6.holds(address) && !special(&SPECIAL_V6),
    }
}

const NAT64: Network = Network::v6(0x64, 0xff9b, 0, 96);
/// All that is not reserved for something else (IANA's registry of special-purpose addresses, RFC 6890).
const GLOBAL_V6: Network = Network::v6(0x2000, 0, 0, 3);

const SPECIAL_V4: [Network; 16] = [
    Network::v4(0, 0, 0, 0, 8),        // unspecified: connects to this machine
    Network::v4(10, 0, 0, 0, 8),       // private, RFC 1918
    Network::v4(100, 64, 0, 0, 10), // behind a carrier's NAT, RFC 6598; a cloud's metadata service as well
    Network::v4(127, 0, 0, 0, 8),   // loopback
    Network::v4(168, 63, 129, 16, 32), // a public address that is the platform's own service inside Azure
    Network::v4(169, 254, 0, 0, 16),   // link-local; metadata services
    Network::v4(172, 16, 0, 0, 12),    // private, RFC 1918
    Network::v4(192, 0, 0, 0, 24),     // protocol assignments, RFC 6890
    Network::v4(192, 0, 2, 0, 24),     // documentation
    Network::v4(192, 88, 99, 0, 24),   // relays of 6to4, RFC 7526
    Network::v4(192, 168, 0, 0, 16),   // private, RFC 1918
    Network::v4(198, 18, 0, 0, 15),    // benchmarks, RFC 2544
    Network::v4(198, 51, 100, 0, 24),  // documentation
    Network::v4(203, 0, 113, 0, 24),   // documentation
    Network::v4(224, 0, 0, 0, 4),      // multicast
    Network::v4(240, 0, 0, 0, 4),      // reserved, broadcast
];

/// Within [`GLOBAL_V6`]; unique local (with `fd00:ec2::254`), link-local and multicast addresses are outside.
const SPECIAL_V6: [Network; 4] = [
    Network::v6(0x2001, 0, 0, 23), // protocol assignments, Teredo among them: an IPv4 address in disguise
    Network::v6(0x2001, 0xdb8, 0, 32), // documentation
    Network::v6(0x2002, 0, 0, 16), // 6to4: an IPv4 address in disguise
    Network::v6(0x3fff, 0, 0, 20), // documentation, RFC 9637
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], addresses: &[&str], expected: bool) {
        let allowed = allowed.iter().map(|text| text.parse().expect("a network"));
        let guard = Guard::new(allowed.collect());
        for text in addresses {
            let address = text.parse().expect("an address");
            assert_eq!(guard.admits(address), expected, "{text} with {guard:?}");
        }
    }

    // T-46
    #[test]
    fn only_the_public_internet_is_reached_by_default() {
        check(
            &[],
            &[
                "8.8.8.8",
                "172.32.0.1",
                "100.128.0.1",
                "2606:4700::1111",
                "::ffff:8.8.8.8",
                "64:ff9b::8.8.8.8",
            ],
            true,
        );
        check(
            &[],
            &[
                "0.0.0.0",
                "0.1.2.3",
                "10.255.255.255",
                "100.64.0.1",
                "100.100.100.200",
                "127.0.0.1",
                "127.255.255.255",
                "168.63.129.16",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.255",
                "192.0.0.192",
                "192.168.1.1",
                "198.19.0.1",
                "224.0.0.1",
                "239.255.255.255",
                "255.255.255.255",
                "::",
                "::1",
                "::7f00:1",
                "fe80::1",
                "fec0::1",
                "fc00::1",
                "fd00:ec2::254",
                "ff02::1",
                "2001:db8::1",
                "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                "2002:7f00:1::",
                "::ffff:127.0.0.1",
                "::ffff:169.254.169.254",
                "64:ff9b::10.0.0.1",
                "64:ff9b::169.254.169.254",
                "64:ff9b:1::1",
            ],
            false,
        );
    }

    // T-46
    #[test]
    fn a_setting_opens_networks_in_every_spelling_of_their_addresses() {
        let allowed = ["127.0.0.0/8", "fd00::/8"];
        check(
            &allowed,
            &[
                "127.0.0.1",
                "::ffff:127.9.9.9",
                "fd12::1",
                "64:ff9b::127.0.0.1",
            ],
            true,
        );
        check(&allowed, &["10.0.0.1", "::1", "fe80::1"], false);
        check(&["::1", "10.1.2.3"], &["::1", "10.1.2.3"], true);
        check(&["10.1.2.3"], &["10.1.2.2"], false);
        check(&["0.0.0.0/0"], &["127.0.0.1", "169.254.169.254"], true);
    }

    #[test]
    fn networks_are_read_strictly() {
        for text in [
            "10.0.0.0/8",
            "0.0.0.0/0",
            "::/0",
            "fd00::/8",
            "::1/128",
            "192.0.2.1/32",
        ] {
            let network: Network = text.parse().expect(text);
            assert_eq!(network.to_string(), text);
        }
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0/8",
            "example.com",
            "10.0.0.0/-1",
        ] {
            let malformed = NetworkError::Malformed(text.to_owned());
            assert_eq!(text.parse::<Network>(), Err(malformed), "{text}");
        }
        for text in ["10.0.0.1/8", "fd00::1/8", "128.0.0.0/0"] {
            let host_bits = NetworkError::HostBits(text.to_owned());
            assert_eq!(text.parse::<Network>(), Err(host_bits), "{text}");
        }
    }
}
