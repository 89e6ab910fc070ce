//! The shape of an ELF library: everything that `dlopen` would trust is checked here first.
//!
//! `dlopen` maps what the headers promise and touches it at once, so a file that ends early kills
//! the process with SIGBUS. It also runs static initialisers, so nothing can be asked of the
//! library itself before it is trusted.

use std::env::consts::{ARCH, OS};

use object::Endianness;
use object::elf::{self, FileHeader64, ProgramHeader64, SectionHeader64};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader, SectionHeader, SectionTable};

use crate::refusal::Refusal;

type Header = FileHeader64<Endianness>;
type Segment = ProgramHeader64<Endianness>;
type Section = SectionHeader64<Endianness>;
type Sections<'d> = SectionTable<'d, Header>;

/// What a library holds that is of interest without running it.
#[derive(Debug)]
pub(super) struct Library<'d> {
    /// The content of section `.temblor`.
    pub(super) record: Option<&'d [u8]>,
    /// The content of section `.temblor.schema`.
    pub(super) schema: Option<&'d [u8]>,
    /// The libraries that it needs.
    pub(super) needed: Vec<String>,
}

/// Checks that `bytes` are a whole shared library for this machine.
pub(super) fn check(bytes: &[u8]) -> Result<Library<'_>, Refusal> {
    check_ident(bytes)?;
    let header = Header::parse(bytes).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    check_type(header, endian)?;
    let file = File {
        bytes,
        header,
        endian,
    };
    let segments = file.segments()?;
    let sections = file.sections()?;
    let needed = file.check_dynamic(segments, &sections)?;
    Ok(Library {
        record: file.section(&sections, b".temblor")?,
        schema: file.section(&sections, b".temblor.schema")?,
        needed,
    })
}

/// Checks the first bytes, which have the same place in every ELF file.
fn check_ident(bytes: &[u8]) -> Result<(), Refusal> {
    if !bytes.starts_with(b"\x7fELF") {
        return Err(foreign(bytes));
    }
    if bytes.len() < size_of::<Header>() {
        return Err(truncated(
            "the file header",
            size_of::<Header>() as u64,
            bytes,
        ));
    }
    let bits = bytes[4];
    let order = bytes[5];
    if bits != elf::ELFCLASS64.0 {
        return Err(other_platform("a 32-bit library".to_owned()));
    }
    let host_order = if cfg!(target_endian = "big") {
        elf::ELFDATA2MSB
    } else {
        elf::ELFDATA2LSB
    };
    if order != host_order.0 {
        return Err(other_platform(
            "a library of the other byte order".to_owned(),
        ));
    }
    let system = bytes[7];
    if system != elf::ELFOSABI_NONE.0 && system != elf::ELFOSABI_GNU.0 {
        return Err(other_platform(format!(
            "for operating system number {system}"
        )));
    }
    Ok(())
}

fn check_type(header: &Header, endian: Endianness) -> Result<(), Refusal> {
    let machine = header.e_machine(endian).0;
    if machine != host_machine() {
        return Err(other_platform(machine_name(machine)));
    }
    let what = match header.e_type(endian) {
        elf::ET_DYN => return Ok(()),
        elf::ET_EXEC => "a program",
        elf::ET_REL => "an object file",
        elf::ET_CORE => "a core dump",
        _ => "an ELF file of unknown type",
    };
    Err(Refusal::NotALibrary {
        what: what.to_owned(),
    })
}

/// An ELF file whose header is known to be right.
struct File<'d> {
    bytes: &'d [u8],
    header: &'d Header,
    endian: Endianness,
}

impl<'d> File<'d> {
    /// Returns the program headers, all of which lie within the file.
    fn segments(&self) -> Result<&'d [Segment], Refusal> {
        let endian = self.endian;
        let count = u64::from(self.header.phnum(endian, self.bytes).map_err(damaged)?);
        let size = count * size_of::<Segment>() as u64;
        self.inside(
            "the program header table",
            self.header.e_phoff(endian),
            size,
        )?;
        let segments = self
            .header
            .program_headers(endian, self.bytes)
            .map_err(damaged)?;
        for (index, segment) in segments.iter().enumerate() {
            let (offset, size) = segment.file_range(endian);
            self.inside(&format!("segment {index}"), offset, size)?;
            if segment.p_type(endian) == elf::PT_LOAD {
                check_load(segment, endian, index)?;
            }
        }
        Ok(segments)
    }

    /// Returns the sections, all of which lie within the file.
    fn sections(&self) -> Result<Sections<'d>, Refusal> {
        let endian = self.endian;
        let start = self.header.e_shoff(endian);
        if start != 0 {
            let count = self.header.shnum(endian, self.bytes).ok();
            let size = u64::from(count.unwrap_or(1)) * size_of::<Section>() as u64;
            self.inside("the section header table", start, size)?;
        }
        let headers = self
            .header
            .section_headers(endian, self.bytes)
            .map_err(damaged)?;
        for (index, section) in headers.iter().enumerate() {
            if let Some((offset, size)) = section.file_range(endian) {
                self.inside(&format!("section {index}"), offset, size)?;
            }
        }
        self.header.sections(endian, self.bytes).map_err(damaged)
    }

    /// Checks the dynamic table, and returns the names of the libraries that it asks for.
    fn check_dynamic(
        &self,
        segments: &[Segment],
        sections: &Sections<'d>,
    ) -> Result<Vec<String>, Refusal> {
        let endian = self.endian;
        let Some(segment) = segments
            .iter()
            .find(|s| s.p_type(endian) == elf::PT_DYNAMIC)
        else {
            return Err(Refusal::NotALibrary {
                what: "a static program".to_owned(),
            });
        };
        self.check_loaded(segment, segments)?;
        let entries = segment
            .dynamic(endian, self.bytes)
            .map_err(damaged)?
            .unwrap_or_default();
        for entry in entries
            .iter()
            .take_while(|e| e.d_tag(endian) != elf::DT_NULL)
        {
            let value = entry.d_val(endian);
            match entry.d_tag(endian) {
                elf::DT_FLAGS if value & elf::DF_STATIC_TLS.0 != 0 => {
                    return Err(Refusal::StaticTls);
                }
                elf::DT_FLAGS_1 if value & elf::DF_1_PIE.0 != 0 => {
                    return Err(Refusal::NotALibrary {
                        what: "a program".to_owned(),
                    });
                }
                _ => {}
            }
        }
        self.needed(sections)
    }

    /// Checks that the dynamic table is where the loader will find what this file holds there.
    fn check_loaded(&self, dynamic: &Segment, segments: &[Segment]) -> Result<(), Refusal> {
        let endian = self.endian;
        let (offset, size) = dynamic.file_range(endian);
        let address = dynamic.p_vaddr(endian);
        let holds = |load: &&Segment| {
            let (start, length) = load.file_range(endian);
            load.p_type(endian) == elf::PT_LOAD
                && start <= offset
                && offset + size <= start + length
                && address.wrapping_sub(load.p_vaddr(endian)) == offset - start
        };
        match segments.iter().find(holds) {
            Some(_) => Ok(()),
            None => Err(damaged("the dynamic table is in no loaded segment")),
        }
    }

    /// Returns the names of the libraries that the loader will look for.
    fn needed(&self, sections: &Sections<'d>) -> Result<Vec<String>, Refusal> {
        let table = sections
            .dynamic_table(self.endian, self.bytes)
            .map_err(damaged)?;
        let mut needed = Vec::new();
        for entry in &table {
            let tag = entry.tag;
            if ![elf::DT_NEEDED, elf::DT_RPATH, elf::DT_RUNPATH].contains(&tag) {
                continue;
            }
            let text = String::from_utf8_lossy(table.string(entry).map_err(damaged)?);
            if tag == elf::DT_NEEDED {
                check_needed(&text)?;
                needed.push(text.into_owned());
            } else {
                check_search_path(&text)?;
            }
        }
        Ok(needed)
    }

    fn section(&self, sections: &Sections<'d>, name: &[u8]) -> Result<Option<&'d [u8]>, Refusal> {
        let found = sections.section_by_name(self.endian, name);
        found
            .map(|(_, section)| section.data(self.endian, self.bytes).map_err(damaged))
            .transpose()
    }

    /// Checks that a part of the file lies within it.
    fn inside(&self, what: &str, offset: u64, size: u64) -> Result<(), Refusal> {
        match offset.checked_add(size) {
            Some(end) if end <= self.bytes.len() as u64 => Ok(()),
            Some(end) => Err(truncated(what, end, self.bytes)),
            None => Err(damaged(format!("{what} has an impossible size"))),
        }
    }
}

/// Checks what the kernel or the loader would otherwise find out half-way.
fn check_load(segment: &Segment, endian: Endianness, index: usize) -> Result<(), Refusal> {
    let (address, offset) = (segment.p_vaddr(endian), segment.p_offset(endian));
    let (in_file, in_memory) = (segment.p_filesz(endian), segment.p_memsz(endian));
    let align = segment.p_align(endian);
    if in_file > in_memory {
        return Err(damaged(format!(
            "segment {index} is larger in the file than in memory"
        )));
    }
    if address
        .checked_add(in_memory)
        .is_none_or(|end| end > MAX_ADDRESS)
    {
        return Err(damaged(format!(
            "segment {index} has an impossible address"
        )));
    }
    if align > 1 && (!align.is_power_of_two() || address % align != offset % align) {
        return Err(damaged(format!("segment {index} is not aligned")));
    }
    Ok(())
}

/// No user address lies above it on a 64-bit machine.
const MAX_ADDRESS: u64 = 1 << 47;

/// A plain name is looked for in the system's directories, a relative path in the current one.
fn check_needed(name: &str) -> Result<(), Refusal> {
    match name.contains('/') && !name.starts_with('/') && !is_beside(name) {
        true => Err(Refusal::SearchPath {
            path: name.to_owned(),
        }),
        false => Ok(()),
    }
}

/// An empty or relative part stands for the directory that the program was started in.
fn check_search_path(path: &str) -> Result<(), Refusal> {
    match path
        .split(':')
        .find(|part| !part.starts_with('/') && !is_beside(part))
    {
        Some(part) => Err(Refusal::SearchPath {
            path: part.to_owned(),
        }),
        None => Ok(()),
    }
}

/// Whether a path is relative to the library itself.
fn is_beside(path: &str) -> bool {
    path.starts_with("$ORIGIN") || path.starts_with("${ORIGIN}")
}

/// Says what a file is that is not ELF.
fn foreign(bytes: &[u8]) -> Refusal {
    const MACH_O: [[u8; 4]; 3] = [
        *b"\xcf\xfa\xed\xfe",
        *b"\xfe\xed\xfa\xcf",
        *b"\xca\xfe\xba\xbe",
    ];
    let what = if bytes.is_empty() {
        "an empty file"
    } else if bytes.starts_with(b"MZ") {
        return other_platform("a Windows library".to_owned());
    } else if MACH_O.iter().any(|magic| bytes.starts_with(magic)) {
        return other_platform("a macOS library".to_owned());
    } else if bytes.starts_with(b"!<arch>\n") {
        "an archive (`.a` or `.rlib`)"
    } else if bytes.starts_with(b"#!") {
        "a script"
    } else if bytes
        .iter()
        .take(512)
        .all(|&byte| byte >= b' ' || byte.is_ascii_whitespace())
    {
        "a text"
    } else {
        "a file of unknown type"
    };
    Refusal::NotALibrary {
        what: what.to_owned(),
    }
}

fn host_machine() -> u16 {
    match ARCH {
        "x86_64" => elf::EM_X86_64.0,
        "aarch64" => elf::EM_AARCH64.0,
        "riscv64" => elf::EM_RISCV.0,
        "powerpc64" => elf::EM_PPC64.0,
        "s390x" => elf::EM_S390.0,
        "loongarch64" => elf::EM_LOONGARCH.0,
        _ => elf::EM_NONE.0,
    }
}

fn machine_name(machine: u16) -> String {
    let name = match elf::Machine(machine) {
        elf::EM_X86_64 => "x86_64",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_RISCV => "riscv64",
        elf::EM_PPC64 => "powerpc64",
        elf::EM_S390 => "s390x",
        elf::EM_LOONGARCH => "loongarch64",
        _ => return format!("for machine number {machine}"),
    };
    format!("for {name}")
}

fn other_platform(plugin: String) -> Refusal {
    Refusal::OtherPlatform {
        plugin,
        host: format!("{ARCH} {OS}"),
    }
}

fn truncated(what: &str, end: u64, bytes: &[u8]) -> Refusal {
    Refusal::Truncated {
        what: what.to_owned(),
        end,
        size: bytes.len() as u64,
    }
}

fn damaged(reason: impl ToString) -> Refusal {
    Refusal::Damaged {
        reason: reason.to_string(),
    }
}
