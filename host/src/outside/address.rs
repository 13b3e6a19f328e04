//! Which addresses a name may stand for. A name that anybody can register must not lead into the operator's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On the internet.
    Public,
    /// This machine, or a private network.
    Internal,
    /// Where no name should lead: link-local with the metadata services of clouds, multicast, reserved.
    Forbidden,
}

/// The metadata services that have an address in a private range.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

pub(super) fn place(address: IpAddr) -> Place {
    if METADATA.contains(&address) {
        return Place::Forbidden;
    }
    match address {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    }
}

/// By the registry of RFC 6890, as far as it stands today.
fn place_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Place::Internal,
        [0 | 224..=255, ..] | [169, 254, ..] => Place::Forbidden,
        // Protocol assignments, documentation, relays of 6to4, benchmarks.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] | [198, 18..=19, ..] => {
            Place::Forbidden
        }
        _ => Place::Public,
    }
}

/// Only what is known to be public is: global unicast, less what is set aside in it.
fn place_v6(address: Ipv6Addr) -> Place {
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        place(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Internal,
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        [0xfc00..=0xfdff, ..] => Place::Internal,
        // Teredo and other protocols, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Place::Forbidden,
        [0x2000..=0x3fff, ..] => Place::Public,
        _ => Place::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_range_has_its_place() {
        let table = [
            ("93.184.216.34", Place::Public),
            ("8.8.8.8", Place::Public),
            ("172.15.255.255", Place::Public),
            ("172.32.0.0", Place::Public),
            ("100.63.255.255", Place::Public),
            ("100.128.0.0", Place::Public),
            ("2606:4700::1111", Place::Public),
            ("64:ff9b::808:808", Place::Public),
            ("127.0.0.1", Place::Internal),
            ("127.255.255.254", Place::Internal),
            ("10.1.2.3", Place::Internal),
            ("172.16.0.1", Place::Internal),
            ("172.31.255.255", Place::Internal),
            ("192.168.1.1", Place::Internal),
            ("100.64.0.1", Place::Internal),
            ("::1", Place::Internal),
            ("fd12::1", Place::Internal),
            ("::ffff:127.0.0.1", Place::Internal),
            ("::ffff:10.0.0.1", Place::Internal),
            ("64:ff9b::a00:1", Place::Internal),
            ("2002:7f00:1::", Place::Internal),
            ("169.254.169.254", Place::Forbidden),
            ("::ffff:169.254.169.254", Place::Forbidden),
            ("64:ff9b::a9fe:a9fe", Place::Forbidden),
            ("2002:a9fe:a9fe::", Place::Forbidden),
            ("100.100.100.200", Place::Forbidden),
            ("::ffff:100.100.100.200", Place::Forbidden),
            ("fd00:ec2::254", Place::Forbidden),
            ("0.0.0.0", Place::Forbidden),
            ("0.1.2.3", Place::Forbidden),
            ("255.255.255.255", Place::Forbidden),
            ("224.0.0.1", Place::Forbidden),
            ("240.0.0.1", Place::Forbidden),
            ("198.18.0.1", Place::Forbidden),
            ("192.0.2.1", Place::Forbidden),
            ("::", Place::Forbidden),
            ("::7f00:1", Place::Forbidden),
            ("fe80::1", Place::Forbidden),
            ("fec0::1", Place::Forbidden),
            ("ff02::1", Place::Forbidden),
            ("2001::1", Place::Forbidden),
            ("2001:db8::1", Place::Forbidden),
            ("64:ff9b:1::1", Place::Forbidden),
        ];
        for (text, expected) in table {
            assert_eq!(place(text.parse().unwrap()), expected, "{text}");
        }
    }

    proptest! {
        /// Whatever the standard library calls special is never public, nor is it in the clothes of IPv6.
        #[test]
        fn special_is_never_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_loopback() || address.is_private() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_unspecified()
                || address.is_documentation();
            prop_assert!(!special || place(IpAddr::V4(address)) != Place::Public);
            prop_assert_eq!(place(IpAddr::V6(address.to_ipv6_mapped())), place(IpAddr::V4(address)));
        }
    }
}
