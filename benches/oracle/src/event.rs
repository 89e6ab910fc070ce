//! Events whose content follows from their number, so that what arrives can be compared without keeping it.

/// Payload sizes; most events are of the first, and the largest is larger than many buffers.
const SIZES: [usize; 8] = [100, 100, 100, 100, 0, 1, 255, 1000];
const LARGE: usize = 70_000;
/// One event in so many is large.
const LARGE_EVERY: u64 = 2000;

/// The next number of a well mixed series.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// The series of events of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series {
    pub(crate) seed: u64,
}

impl Series {
    /// Appends the line of an event, without its newline.
    pub(crate) fn write(self, id: u64, out: &mut Vec<u8>) {
        let mut state = mix(self.seed ^ mix(id));
        let size = match state % LARGE_EVERY {
            0 => LARGE,
            other => SIZES[(other % SIZES.len() as u64) as usize],
        };
        out.extend_from_slice(
            format!("{{\"id\":{id},\"check\":\"{state:016x}\",\"data\":\"").as_bytes(),
        );
        let end = out.len() + size;
        while out.len() < end {
            state = mix(state);
            for byte in state.to_le_bytes() {
                match byte {
                    // Text that is not ASCII, and what JSON writes with a backslash.
                    0 => out.extend_from_slice("é".as_bytes()),
                    1 => out.extend_from_slice(b"\\n"),
                    _ => out.push(b'0' + byte % 10),
                }
            }
        }
        out.extend_from_slice(b"\"}");
    }

    /// The number of the event that a line is, if it is one of this series, whole and unchanged.
    pub(crate) fn recognise(self, line: &[u8]) -> Option<u64> {
        let digits = line.strip_prefix(b"{\"id\":")?;
        let end = digits.iter().position(|byte| *byte == b',')?;
        let id = std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()?;
        let mut expected = Vec::with_capacity(line.len());
        self.write(id, &mut expected);
        (expected == line).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::Series;

    #[test]
    fn each_event_is_recognised_and_no_other() {
        let series = Series { seed: 7 };
        let (mut largest, mut smallest) = (0, usize::MAX);
        for id in 0..20_000 {
            let mut line = Vec::new();
            series.write(id, &mut line);
            assert_eq!(series.recognise(&line), Some(id));
            largest = largest.max(line.len());
            smallest = smallest.min(line.len());
            let at = (id as usize * 31) % line.len();
            line[at] ^= 1;
            assert_ne!(series.recognise(&line), Some(id));
        }
        assert!(largest > 70_000 && smallest < 60, "{smallest}..{largest}");
        assert_eq!(Series { seed: 8 }.recognise(b"{\"id\":1,"), None);
    }
}
