//! The lines of a file behind each other in memory, so that a stretch of them is copied at once.

use std::ops::Range;

/// The lines of a file, without their line ends.
pub(crate) struct Replay {
    bytes: Vec<u8>,
    /// Where each line ends in `bytes`; it starts where the one before ends. Never empty.
    ends: Vec<usize>,
}

impl Replay {
    /// Takes a file's content apart; none if it is empty. What follows the last line end is a line if it is not empty.
    pub(crate) fn new(content: &[u8]) -> Option<Self> {
        if content.is_empty() {
            return None;
        }
        let mut bytes = Vec::with_capacity(content.len());
        let mut ends = Vec::new();
        let content = content.strip_suffix(b"\n").unwrap_or(content);
        for line in content.split(|byte| *byte == b'\n') {
            bytes.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            ends.push(bytes.len());
        }
        Some(Replay { bytes, ends })
    }

    /// The number of lines; at least one.
    pub(crate) fn lines(&self) -> usize {
        self.ends.len()
    }

    /// Where a line lies in the bytes.
    pub(crate) fn span(&self, line: usize) -> Range<usize> {
        self.start(line)..self.ends.get(line).copied().unwrap_or(self.bytes.len())
    }

    fn start(&self, line: usize) -> usize {
        match line.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(self.bytes.len()),
            None => 0,
        }
    }

    /// The bytes of consecutive lines.
    pub(crate) fn bytes(&self, lines: &Range<usize>) -> &[u8] {
        let span = self.start(lines.start)..self.start(lines.end);
        self.bytes.get(span).unwrap_or_default()
    }

    /// Chooses what is sent next: stretches of lines from `line` on, starting over at the end of the file, with at
    /// most `events` lines and `bytes` bytes, but always one line.
    pub(crate) fn stretches(
        &self,
        mut line: usize,
        mut events: usize,
        mut bytes: usize,
    ) -> Vec<Range<usize>> {
        let mut stretches: Vec<Range<usize>> = Vec::with_capacity(2);
        while events > 0 {
            let last = self.lines().min(line.saturating_add(events));
            let start = self.start(line);
            let candidates = self.ends.get(line..last).unwrap_or_default();
            let mut count = candidates.partition_point(|end| end - start <= bytes);
            if count == 0 && stretches.is_empty() {
                count = 1;
            }
            if count == 0 {
                break;
            }
            let stretch = line..line + count;
            bytes = bytes.saturating_sub(self.bytes(&stretch).len());
            events -= count;
            stretches.push(stretch);
            if line + count < last {
                break;
            }
            line = (line + count) % self.lines();
        }
        stretches
    }
}
