//! The file that is read, and where in it reading begins.

use std::path::Path;
use std::sync::Arc;

use temblor_pdk::io::{Disk, DiskFile, FileInfo, Open};
use temblor_pdk::log::Level;
use temblor_pdk::{Error, Host, Result};

use crate::cannot;
use crate::config::Settings;
use crate::keeper::{Keeper, Mark, folder};
use crate::record::{Difference, Record};

/// An open file that is read.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) file: Box<dyn DiskFile>,
    /// Where it was found.
    pub(crate) path: String,
    device: u64,
    inode: u64,
}

impl Place {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> std::io::Result<Arc<Place>> {
        let file = disk.open(path, Open::Read)?;
        let info = file.info()?;
        if !info.is_regular {
            return Err(std::io::Error::other("it is no ordinary file any more"));
        }
        Ok(Arc::new(Place {
            file,
            path: path.display().to_string(),
            device: info.device,
            inode: info.inode,
        }))
    }

    /// Whether this is the file that the system tells of.
    pub(crate) fn is(&self, info: &FileInfo) -> bool {
        (self.device, self.inode) == (info.device, info.inode)
    }
}

/// A file and where to begin.
#[derive(Clone, Debug)]
pub(crate) struct Input(pub(crate) Mark);

impl Input {
    /// Opens the file, and finds the place up to which it is done.
    pub(crate) fn open(
        settings: &Settings,
        disk: &dyn Disk,
        host: &Host,
        keeper: Option<&Keeper>,
    ) -> Result<Self> {
        let name = &settings.name;
        let place = Place::open(disk, &settings.path);
        let place = place.map_err(|reason| cannot("open", name, &reason))?;
        let Some(keeper) = keeper else {
            return Ok(Input(Mark { place, offset: 0 }));
        };
        let mark = match (keeper.reached(), keeper.found()) {
            // Connected again: the file may have been given another name meanwhile, and is open still.
            (Some(mark), _) if !is_same(&mark.place, &place) => mark,
            (Some(Mark { offset, .. }), _) => Mark { place, offset },
            (None, (None, _)) => Mark { place, offset: 0 },
            (None, (Some(record), position)) => {
                let found = find(settings, disk, record, &place);
                let found = found.map_err(|reason| cannot("read", name, &reason))?;
                if let Some(message) = found.message(name, position, record.offset) {
                    host.log(Level::Warn, &message);
                }
                found.mark(place, record.offset)
            }
        };
        keeper.advance(mark.clone());
        Ok(Input(mark))
    }
}

fn is_same(one: &Place, other: &Place) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}

/// What became of the file that a record is of.
enum Found {
    Same,
    /// It has another name now.
    Renamed(Arc<Place>),
    Different(Difference),
}

impl Found {
    fn message(&self, name: &str, position: &str, offset: u64) -> Option<String> {
        match self {
            Found::Same => None,
            Found::Renamed(place) => Some(format!(
                "{name} was replaced by another file since the position {position} was written: `{}`, which it was, is \
                 read to its end first, from byte {offset} on",
                place.path
            )),
            Found::Different(difference) => Some(format!(
                "{name} {} since the position {position} was written at byte {offset}: it is read from the start",
                difference.as_str()
            )),
        }
    }

    fn mark(self, place: Arc<Place>, offset: u64) -> Mark {
        match self {
            Found::Same => Mark { place, offset },
            Found::Renamed(place) => Mark { place, offset },
            Found::Different(_) => Mark { place, offset: 0 },
        }
    }
}

fn find(
    settings: &Settings,
    disk: &dyn Disk,
    record: &Record,
    place: &Arc<Place>,
) -> std::io::Result<Found> {
    let Some(difference) = record.compare(&*place.file)? else {
        return Ok(Found::Same);
    };
    if difference == Difference::Replaced && settings.follow {
        for path in disk.list(folder(&settings.path))? {
            let is_it = disk
                .info(&path)
                .is_ok_and(|info| info.is_regular && info.inode == record.inode);
            if !is_it {
                continue;
            }
            let renamed = Place::open(disk, &path)?;
            if record.compare(&*renamed.file)?.is_none() {
                return Ok(Found::Renamed(renamed));
            }
        }
    }
    Ok(Found::Different(difference))
}

/// Why reading ends with an error: the file, the place, and what the user can do.
pub(crate) fn stopped(settings: &Settings, offset: u64, reason: &str) -> Error {
    Error::failed(format!(
        "{}: {reason} from byte {offset} on\nhelp: remove the reason and start again, which goes on there; or set \
         `on_failed` to \"skip\"",
        settings.name
    ))
}
