//! Takes in what arrives, and counts how often each event did.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::event::Series;

/// So many strange lines are kept to be shown.
const SHOWN: usize = 3;

/// What arrived.
pub(crate) struct Arrived {
    series: Series,
    /// How often each event arrived.
    times: Vec<u32>,
    /// Events that arrived at least once.
    pub(crate) distinct: u64,
    /// Arrivals behind the first of each event.
    pub(crate) duplicates: u64,
    /// How many lines were no event of the series.
    pub(crate) strange: u64,
    /// The first of those.
    pub(crate) shown: Vec<String>,
    /// Arrivals that came before one with a smaller number.
    pub(crate) backwards: u64,
    last: Option<u64>,
}

impl Arrived {
    pub(crate) fn new(series: Series) -> Self {
        Arrived {
            series,
            times: Vec::new(),
            distinct: 0,
            duplicates: 0,
            strange: 0,
            shown: Vec::new(),
            backwards: 0,
            last: None,
        }
    }

    pub(crate) fn take(&mut self, line: &[u8]) {
        let Some(id) = self.series.recognise(line) else {
            self.strange += 1;
            if self.shown.len() < SHOWN {
                let text = String::from_utf8_lossy(line);
                self.shown.push(text.chars().take(120).collect());
            }
            return;
        };
        let at = id as usize;
        if self.times.len() <= at {
            self.times.resize(at + 1, 0);
        }
        self.times[at] += 1;
        match self.times[at] {
            1 => self.distinct += 1,
            _ => self.duplicates += 1,
        }
        self.backwards += u64::from(self.last.is_some_and(|last| last > id));
        self.last = Some(id);
    }

    /// An event has its fate, although it did not arrive; one that did counts as a duplicate.
    pub(crate) fn accept(&mut self, id: u64) {
        let mut line = Vec::new();
        self.series.write(id, &mut line);
        self.take(&line);
    }

    pub(crate) fn has(&self, id: u64) -> bool {
        self.times.get(id as usize).is_some_and(|times| *times > 0)
    }

    /// How many of the first `count` events did not arrive.
    pub(crate) fn missing(&self, count: u64) -> u64 {
        (0..count).filter(|id| !self.has(*id)).count() as u64
    }

    /// How many events from this one on arrived.
    pub(crate) fn from(&self, id: u64) -> u64 {
        let later = self.times.iter().skip(id as usize);
        later.filter(|times| **times > 0).count() as u64
    }

    /// The largest number that arrived, plus one.
    pub(crate) fn end(&self) -> u64 {
        self.times.len() as u64
    }
}

/// A file into which events arrive.
pub(crate) struct Output {
    path: PathBuf,
    file: Option<File>,
    /// Up to where lines were taken.
    offset: u64,
}

impl Output {
    pub(crate) fn new(path: &Path) -> Self {
        Output {
            path: path.to_owned(),
            file: None,
            offset: 0,
        }
    }

    /// Takes in the whole lines that came since. Returns how many bytes of half a line are there.
    pub(crate) fn look(&mut self, arrived: &mut Arrived) -> Result<u64> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
                Err(error) => return Err(error.into()),
            }
        }
        let Some(file) = &mut self.file else {
            return Ok(0);
        };
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut start = 0;
        while let Some(rest) = bytes.get(start..)
            && let Some(len) = rest.iter().position(|byte| *byte == b'\n')
        {
            arrived.take(&rest[..len]);
            start += len + 1;
        }
        self.offset += start as u64;
        Ok((bytes.len() - start) as u64)
    }
}
