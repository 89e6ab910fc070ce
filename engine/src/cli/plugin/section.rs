//! Adding a section to an ELF library, without touching what is loaded.
//!
//! The section, a new table of section names and a new table of section headers go behind the end of the file; the
//! file header is pointed to them. Segments, and with them everything that the system's loader looks at, stay byte by
//! byte where they were. The old tables remain as bytes that nothing refers to, until the library is stripped.

use object::Endianness;
use object::elf::{self, FileHeader64, SectionHeader64};
use object::endian::{U16, U32, U64};
use object::pod::bytes_of;
use object::read::elf::{FileHeader, SectionHeader};

type Header = FileHeader64<Endianness>;
type Section = SectionHeader64<Endianness>;

/// Section headers start at multiples of this.
const ALIGNMENT: usize = 8;

/// Returns `library` with one more section.
///
/// # Errors
///
/// Says what the library lacks, or that it has such a section.
pub(crate) fn add(library: &[u8], name: &str, content: &[u8]) -> Result<Vec<u8>, String> {
    let header = Header::parse(library).map_err(|error| error.to_string())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    let table = header
        .sections(endian, library)
        .map_err(|error| error.to_string())?;
    if table.is_empty() {
        return Err("it has no table of sections".to_owned());
    }
    if table.section_by_name(endian, name.as_bytes()).is_some() {
        return Err(format!("it has a section `{name}`"));
    }
    let names_index = header
        .shstrndx(endian, library)
        .map_err(|error| error.to_string())? as usize;
    // Indices from here on have a meaning of their own, and so large a library needs another form of header.
    let count = table.len() + 1;
    if count >= usize::from(elf::SHN_LORESERVE) {
        return Err(format!("it has {} sections already", table.len()));
    }

    let mut sections: Vec<Section> = table.iter().copied().collect();
    let names = sections
        .get_mut(names_index)
        .ok_or("it has no table of section names")?;
    let mut new_names = names
        .data(endian, library)
        .map_err(|error| error.to_string())?
        .to_vec();
    let name_at = new_names.len();
    new_names.extend_from_slice(name.as_bytes());
    new_names.push(0);

    let mut file = library.to_vec();
    let content_at = append(&mut file, content);
    let names_at = append(&mut file, &new_names);
    names.sh_offset = U64::new(endian, names_at as u64);
    names.sh_size = U64::new(endian, new_names.len() as u64);
    sections.push(section(endian, name_at, content_at, content.len()));
    let bytes: Vec<u8> = sections.iter().flat_map(bytes_of).copied().collect();
    let sections_at = append(&mut file, &bytes);

    let mut header = *header;
    header.e_shoff = U64::new(endian, sections_at as u64);
    header.e_shnum = U16::new(endian, count as u16);
    file[..size_of::<Header>()].copy_from_slice(bytes_of(&header));
    Ok(file)
}

/// Appends at the next aligned offset, and returns that.
fn append(file: &mut Vec<u8>, bytes: &[u8]) -> usize {
    file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
    let offset = file.len();
    file.extend_from_slice(bytes);
    offset
}

/// Describes a section that is not loaded.
fn section(endian: Endianness, name: usize, offset: usize, size: usize) -> Section {
    Section {
        sh_name: U32::new(endian, name as u32),
        sh_type: U32::new(endian, elf::SHT_PROGBITS),
        sh_flags: U64::new(endian, elf::SectionFlags(0)),
        sh_addr: U64::new(endian, 0),
        sh_offset: U64::new(endian, offset as u64),
        sh_size: U64::new(endian, size as u64),
        sh_link: U32::new(endian, 0),
        sh_info: U32::new(endian, 0),
        sh_addralign: U64::new(endian, 1),
        sh_entsize: U64::new(endian, 0),
    }
}
