//! IP networks.

use std::net::IpAddr;

use super::MatcherError;

/// A network in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`. Bits behind the prefix must be zero: whoever sets them means something else. A network of
    /// IPv4-mapped addresses (`::ffff:10.0.0.0/104`) is that of the IPv4 addresses, as which such addresses are compared.
    pub(super) fn parse(text: &str) -> Result<Self, MatcherError> {
        let (address, length) = text.split_once('/').ok_or(MatcherError::NotANetwork)?;
        let address: IpAddr = address.parse().map_err(|_| MatcherError::NotANetwork)?;
        if !length.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(MatcherError::NotANetwork);
        }
        let length: u8 = length.parse().map_err(|_| MatcherError::NotANetwork)?;
        let network = Self { address, length };
        match prefix(address, length) {
            Some(first) if first == bits(address) => Ok(network.to_canonical()),
            Some(_) | None => Err(MatcherError::NotANetwork),
        }
    }

    fn to_canonical(self) -> Self {
        match (self.address.to_canonical(), self.length.checked_sub(96)) {
            (IpAddr::V4(address), Some(length)) => Self {
                address: address.into(),
                length,
            },
            _ => self,
        }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && prefix(address, self.length) == Some(bits(self.address))
    }

    pub(super) fn contains_network(&self, other: &Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }
}

/// The address as a number whose highest bit is the address's first.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => address.into(),
    }
}

/// The first `length` bits of `address`; `None` when it has fewer.
fn prefix(address: IpAddr, length: u8) -> Option<u128> {
    let all = if address.is_ipv4() { 32 } else { 128 };
    if length > all {
        return None;
    }
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    Some(bits(address) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_the_addresses_behind_their_prefix() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.1/32", "10.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::", false),
            ("::/0", "ffff::", true),
            ("::/0", "0.0.0.0", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::1/128", "::1", true),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                expected,
                "{network:?}"
            );
        }
    }

    #[test]
    fn a_network_of_ipv4_mapped_addresses_is_that_of_the_ipv4_addresses() {
        for (mapped, plain) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3/128", "10.1.2.3/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(Network::parse(mapped), Network::parse(plain), "{mapped}");
        }
        let other = Network::parse("::fffe:0:0/96").unwrap();
        assert!(other.contains("::fffe:0:1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "::/129",
            "10/8",
            "10.0.0.0/8/8",
            "010.0.0.0/8",
            "10.0.0.0/256",
        ] {
            assert_eq!(
                Network::parse(text),
                Err(MatcherError::NotANetwork),
                "{text}"
            );
        }
    }

    #[test]
    fn a_network_contains_its_parts() {
        let network = |text| Network::parse(text).unwrap();
        assert!(network("10.0.0.0/8").contains_network(&network("10.1.0.0/16")));
        assert!(network("10.0.0.0/8").contains_network(&network("10.0.0.0/8")));
        assert!(!network("10.1.0.0/16").contains_network(&network("10.0.0.0/8")));
        assert!(!network("::/0").contains_network(&network("10.0.0.0/8")));
    }
}
