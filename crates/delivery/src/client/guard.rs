//! Which addresses may be spoken to. Judged after resolution and for addresses written out, so that no
//! name, however it resolves and whenever it changes, leads into the operator's own network.
//!
//! Refuses to know: names, protocols. Invariant: what is not known to be public is forbidden.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Says which addresses may be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guard {
    /// Whether the operator lets messages go to loopback and private addresses.
    pub(crate) allow_private: bool,
}

/// The address may not be spoken to, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is forbidden: {why}")]
pub(crate) struct Forbidden {
    /// The name or address that was asked for.
    pub(crate) host: String,
    /// What it is: `a loopback address`, …
    pub(crate) why: &'static str,
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Anybody's.
    Public,
    /// This machine's or this site's: what an operator may allow.
    Inside(&'static str),
    /// Nobody's, or one that no message has any business with.
    Never(&'static str),
}

impl Guard {
    /// Whether `address` may be spoken to; else what it is.
    pub(crate) fn judge(self, address: IpAddr) -> Result<(), &'static str> {
        let reach = match address {
            IpAddr::V4(address) => reach_v4(address),
            IpAddr::V6(address) => reach_v6(address),
        };
        match reach {
            Reach::Public => Ok(()),
            Reach::Inside(_) if self.allow_private => Ok(()),
            Reach::Inside(why) | Reach::Never(why) => Err(why),
        }
    }

    /// Those of `addresses` that may be spoken to.
    ///
    /// # Errors
    /// None may.
    pub(crate) fn filter<T: Copy>(
        self,
        host: &str,
        addresses: impl Iterator<Item = T>,
        ip: impl Fn(T) -> IpAddr,
    ) -> Result<Vec<T>, Forbidden> {
        let mut why = "it has no address";
        let mut allowed = Vec::new();
        for address in addresses {
            match self.judge(ip(address)) {
                Ok(()) => allowed.push(address),
                Err(reason) => why = reason,
            }
        }
        if allowed.is_empty() { Err(Forbidden { host: host.to_owned(), why }) } else { Ok(allowed) }
    }
}

/// A block of version 4: its first address, the bits of its prefix, and what it is.
type Block4 = ([u8; 4], u32, Reach);

const PRIVATE: Reach = Reach::Inside("a private address");
const LOOPBACK: Reach = Reach::Inside("a loopback address");
const RESERVED: Reach = Reach::Never("a reserved address");
const LINK_LOCAL: Reach = Reach::Never("a link-local address");
const METADATA: Reach = Reach::Never("an address of a cloud's metadata");

/// The IANA registry of special addresses, and what clouds answer on to their own machines only.
const BLOCKS4: [Block4; 18] = [
    ([168, 63, 129, 16], 32, METADATA),
    ([100, 100, 100, 200], 32, METADATA),
    ([0, 0, 0, 0], 8, Reach::Never("an unspecified address")),
    ([10, 0, 0, 0], 8, PRIVATE),
    ([100, 64, 0, 0], 10, Reach::Never("an address shared by a carrier")),
    ([127, 0, 0, 0], 8, LOOPBACK),
    ([169, 254, 0, 0], 16, LINK_LOCAL),
    ([172, 16, 0, 0], 12, PRIVATE),
    ([192, 0, 0, 0], 24, RESERVED),
    ([192, 0, 2, 0], 24, RESERVED),
    ([192, 88, 99, 0], 24, RESERVED),
    ([192, 168, 0, 0], 16, PRIVATE),
    ([198, 18, 0, 0], 15, RESERVED),
    ([198, 51, 100, 0], 24, RESERVED),
    ([203, 0, 113, 0], 24, RESERVED),
    ([224, 0, 0, 0], 4, Reach::Never("a multicast address")),
    ([255, 255, 255, 255], 32, Reach::Never("a broadcast address")),
    ([240, 0, 0, 0], 4, RESERVED),
];

fn reach_v4(address: Ipv4Addr) -> Reach {
    let bits = u32::from(address);
    BLOCKS4
        .iter()
        .find(|(first, prefix, _)| {
            let mask = u32::MAX << (32 - prefix);
            bits & mask == u32::from(Ipv4Addr::from(*first))
        })
        .map_or(Reach::Public, |&(_, _, reach)| reach)
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let part = address.segments();
    if let Some(inner) = address.to_ipv4_mapped() {
        return reach_v4(inner);
    }
    match part {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never("an unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => LOOPBACK,
        // NAT64: how a machine without version 4 reaches one that has nothing else.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            reach_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        [0xfd00, 0xec2, ..] => METADATA,
        [first, ..] if first & 0xfe00 == 0xfc00 => PRIVATE,
        [first, ..] if first & 0xffc0 == 0xfe80 => LINK_LOCAL,
        [first, ..] if first & 0xff00 == 0xff00 => Reach::Never("a multicast address"),
        // 2001::/23 holds Teredo, 2002::/16 is 6to4: both carry an address of version 4 that could be anything.
        [0x2001, second, ..] if second < 0x200 => RESERVED,
        [0x2001, 0xdb8, ..] | [0x2002, ..] => RESERVED,
        [0x3fff, second, ..] if second < 0x1000 => RESERVED,
        [first, ..] if first & 0xe000 == 0x2000 => Reach::Public,
        _ => RESERVED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(allow_private: bool, address: &str) -> Result<(), &'static str> {
        Guard { allow_private }.judge(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_may_be_spoken_to() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "169.253.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert_eq!(verdict(false, address), Ok(()), "{address}");
        }
    }

    #[test]
    fn what_is_inside_needs_the_operators_word() {
        for address in [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "::1",
            "fc00::1",
            "fd12:3456::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
        ] {
            assert!(verdict(false, address).is_err(), "{address}");
            assert_eq!(verdict(true, address), Ok(()), "{address}");
        }
    }

    #[test]
    fn what_nobody_has_business_with_stays_forbidden() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "168.63.129.16",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "::10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::10.0.0.1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fd00:ec2::254",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(verdict(false, address).is_err(), "{address}");
            assert!(verdict(true, address).is_err(), "{address} although private is allowed");
        }
    }

    #[test]
    fn of_a_names_addresses_only_the_allowed_are_kept() {
        let guard = Guard { allow_private: false };
        let ips = |texts: &[&str]| -> Vec<IpAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let kept = guard.filter("a", ips(&["10.0.0.1", "1.1.1.1"]).into_iter(), |ip| ip);
        assert_eq!(kept, Ok(ips(&["1.1.1.1"])));
        let none = guard.filter("a", ips(&["10.0.0.1"]).into_iter(), |ip| ip);
        assert_eq!(none.unwrap_err().to_string(), "a is forbidden: a private address");
    }
}
