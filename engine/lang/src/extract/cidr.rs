//! `cidr`: IP addresses and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use temblor_pdk::value::{Arena, Field, Value};

use super::Context;

/// The networks that an address must be in; any address and any network where there are none.
#[derive(Debug)]
pub(super) struct Cidr {
    /// First and last addresses, in order, apart from one another.
    ranges: Option<Box<[(u32, u32)]>>,
}

/// A network: its first address and the number of bits that its addresses share.
#[derive(Clone, Copy)]
struct Network {
    first: IpAddr,
    bits: u32,
}

impl Cidr {
    pub(super) fn compile(text: &str) -> Result<Cidr, String> {
        if text.is_empty() {
            return Ok(Cidr { ranges: None });
        }
        let ranges: Result<Vec<_>, String> =
            text.split(',').map(|entry| range(entry.trim())).collect();
        let mut ranges = ranges?;
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            // Networks lie within one another or apart.
            let is_within = next.0 <= kept.1;
            kept.1 = kept.1.max(if is_within { next.1 } else { 0 });
            is_within
        });
        Ok(Cidr {
            ranges: Some(ranges.into()),
        })
    }

    pub(super) fn is_match(&self, input: &str) -> bool {
        self.find(input).is_some()
    }

    /// A record of the first address and the mask.
    pub(super) fn extract<'a>(&self, input: &str, context: &Context<'_, 'a>) -> Option<Value<'a>> {
        let Network { first, bits } = self.find(input)?;
        let arena = context.arena;
        let (prefix, mask) = match first {
            IpAddr::V4(first) => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
                (v4(first, arena), v4(Ipv4Addr::from_bits(mask), arena))
            }
            IpAddr::V6(first) => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                (v6(first, arena), v6(Ipv6Addr::from_bits(mask), arena))
            }
        };
        Some(arena.object(&[Field::new("prefix", prefix), Field::new("mask", mask)]))
    }

    fn find(&self, input: &str) -> Option<Network> {
        let Some(ranges) = &self.ranges else {
            return parse(input);
        };
        let address: Ipv4Addr = input.parse().ok()?;
        let bits = address.to_bits();
        let behind = ranges.partition_point(|(first, _)| *first <= bits);
        let (_, last) = ranges.get(behind.checked_sub(1)?)?;
        (bits <= *last).then_some(Network {
            first: address.into(),
            bits: 32,
        })
    }
}

/// The first and the last address of an IPv4 network.
fn range(entry: &str) -> Result<(u32, u32), String> {
    match parse(entry) {
        Some(Network {
            first: IpAddr::V4(first),
            bits,
        }) => {
            let first = first.to_bits();
            Ok((first, first | u32::MAX.checked_shr(bits).unwrap_or(0)))
        }
        Some(_) => Err(format!(
            "`{entry}` is an IPv6 network; `cidr` can be limited to IPv4 networks only"
        )),
        None => Err(format!(
            "`{entry}` is not an IPv4 network; write all four numbers and no bits behind the prefix, as in `10.0.0.0/8`"
        )),
    }
}

/// Parses an address, or a network without bits behind its prefix.
fn parse(text: &str) -> Option<Network> {
    let Some((address, bits)) = text.rsplit_once('/') else {
        let first: IpAddr = text.parse().ok()?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        return Some(Network { first, bits });
    };
    if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bits: u32 = bits.parse().ok()?;
    let first = match address.parse() {
        Ok(first) => first,
        Err(_) => IpAddr::V4(abbreviated(address)?),
    };
    let is_network = match first {
        IpAddr::V4(first) => bits <= 32 && first.to_bits().checked_shl(bits).unwrap_or(0) == 0,
        IpAddr::V6(first) => bits <= 128 && first.to_bits().checked_shl(bits).unwrap_or(0) == 0,
    };
    is_network.then_some(Network { first, bits })
}

/// An IPv4 address of fewer than four numbers: zeros are missing before the last one.
fn abbreviated(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    let last = number(parts.next_back()?)?;
    for (at, part) in parts.enumerate() {
        *octets[..3].get_mut(at)? = number(part)?;
    }
    octets[3] = last;
    Some(octets.into())
}

fn number(text: &str) -> Option<u8> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    if is_plain { text.parse().ok() } else { None }
}

fn v4(address: Ipv4Addr, arena: &Arena) -> Value<'_> {
    arena.array(&address.octets().map(|octet| Value::from(u32::from(octet))))
}

fn v6(address: Ipv6Addr, arena: &Arena) -> Value<'_> {
    arena.array(
        &address
            .segments()
            .map(|segment| Value::from(u32::from(segment))),
    )
}
