//! Who can be blocked: addresses, networks and names.

use std::fmt;
use std::net::IpAddr;

/// The widest IPv4 network that is blocked.
const PREFIX_V4_MIN: u8 = 16;
/// The widest IPv6 network that is blocked.
const PREFIX_V6_MIN: u8 = 32;
/// The longest name of a subject, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// Who is blocked, or never is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A network; a single address is one with all bits fixed. The other bits of `address` are 0.
    Network {
        /// Its first address.
        address: IpAddr,
        /// How many bits are fixed.
        prefix: u8,
    },
    /// A user or a system.
    Name(String),
}

impl Subject {
    /// Reads an address or a network in CIDR notation. IPv4 addresses written as IPv6 ones count as IPv4.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn network(text: &str) -> Result<Self, String> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let read: IpAddr = address.parse().map_err(|_| format!("{text:?} is no address"))?;
        let address = read.to_canonical();
        let (mapped, bits) = (address != read, bits(address));
        let prefix = match prefix {
            None => bits,
            Some(_) if mapped => {
                return Err(format!("{text:?} mixes IPv4 and IPv6; write the network as IPv4"));
            }
            Some(prefix) if prefix.starts_with('+') => return Err(format!("{text:?} is no network")),
            Some(prefix) => match prefix.parse() {
                Ok(prefix) if prefix <= bits => prefix,
                _ => return Err(format!("{text:?} is no network; after the slash stands 0 to {bits}")),
            },
        };
        Ok(Self::Network { address: masked(address, prefix), prefix })
    }

    /// Reads whatever can be blocked: what looks like an address or a network must be one, all else is a name.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(format!("a name has 1 to {NAME_BYTES_MAX} bytes and no control characters"));
        }
        let dotted = text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '/');
        let colons = text.matches(':').count() > 1
            && text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '/'));
        match Self::network(text) {
            Ok(network) => Ok(network),
            Err(problem) if dotted || colons => Err(problem),
            Err(_) => Ok(Self::Name(text.to_owned())),
        }
    }

    /// Whether it is a network of more addresses than may be blocked at once.
    #[must_use]
    pub fn too_wide(&self) -> bool {
        match self {
            Self::Network { address: IpAddr::V4(_), prefix } => *prefix < PREFIX_V4_MIN,
            Self::Network { address: IpAddr::V6(_), prefix } => *prefix < PREFIX_V6_MIN,
            Self::Name(_) => false,
        }
    }

    /// Whether blocking one would also block some of the other.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one == other,
            (
                Self::Network { address: one, prefix: one_prefix },
                Self::Network { address: other, prefix: other_prefix },
            ) => {
                let shared = *one_prefix.min(other_prefix);
                one.is_ipv4() == other.is_ipv4() && masked(*one, shared) == masked(*other, shared)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { address, prefix } if *prefix == bits(*address) => write!(f, "{address}"),
            Self::Network { address, prefix } => write!(f, "{address}/{prefix}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first address of the network of `prefix` bits around `address`.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn subjects_have_one_way_of_writing() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7/32 ", "203.0.113.7"),
            ("203.0.113.7/24", "203.0.113.0/24"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:DB8:0:0::1", "2001:db8::1"),
            ("2001:db8:ffff::1/33", "2001:db8:8000::/33"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("ann", "ann"),
            ("svc/backup", "svc/backup"),
            ("db-1", "db-1"),
            ("12345", "12345"),
        ] {
            assert_eq!(Subject::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_looks_like_an_address_must_be_one() {
        for text in ["256.1.1.1", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/+8", "2001:db8::g::1/32"] {
            let refused = Subject::network(text).is_err();
            assert!(refused, "{text}");
        }
        for text in
            ["256.1.1.1", "1.2.3", "1.2.3.4/33", "::1::", "::1/129", "::ffff:1.2.3.4/96", "", " ", "a\nb"]
        {
            assert!(Subject::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn wide_networks_are_told_apart() {
        for (text, wide) in [
            ("1.2.0.0/16", false),
            ("1.2.0.0/15", true),
            ("2001:db8::/32", false),
            ("2001::/31", true),
            ("ann", false),
        ] {
            assert_eq!(Subject::parse(text).unwrap().too_wide(), wide, "{text}");
        }
    }

    fn network() -> impl Strategy<Value = Subject> {
        let v4 = (any::<u32>(), 0u8..=32)
            .prop_map(|(bits, prefix)| (IpAddr::V4(Ipv4Addr::from_bits(bits)), prefix));
        let v6 = (any::<u128>(), 0u8..=128)
            .prop_map(|(bits, prefix)| (IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix));
        prop_oneof![v4, v6]
            .prop_map(|(address, prefix)| Subject::network(&format!("{address}/{prefix}")))
            .prop_filter_map("mapped", Result::ok)
    }

    proptest! {
        #[test]
        fn writing_and_reading_is_the_identity(network in network()) {
            prop_assert_eq!(Subject::network(&network.to_string()), Ok(network.clone()));
            prop_assert!(network.overlaps(&network));
        }

        #[test]
        fn overlap_is_mutual_and_means_that_one_holds_the_other(one in network(), other in network()) {
            prop_assert_eq!(one.overlaps(&other), other.overlaps(&one));
            let holds = |outer: &Subject, inner: &Subject| match (outer, inner) {
                (Subject::Network { address: a, prefix: p }, Subject::Network { address: b, prefix: q }) => {
                    a.is_ipv4() == b.is_ipv4() && p <= q && masked(*b, *p) == *a
                }
                _ => false,
            };
            prop_assert_eq!(one.overlaps(&other), holds(&one, &other) || holds(&other, &one));
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,40}") {
            if let Ok(subject) = Subject::parse(&text) {
                prop_assert_eq!(Subject::parse(&subject.to_string()), Ok(subject));
            }
        }
    }
}
