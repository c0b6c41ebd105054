//! The file: where its functions lie, what its relocated words will hold, which thread-locals it has.

mod plt;
mod unwind;
mod words;

use crate::CannotLook;
use crate::code::Resolve;
use object::{Architecture, BinaryFormat, Object, ObjectKind, ObjectSection, ObjectSymbol, SectionKind, SymbolKind};
use std::collections::HashMap;
pub(crate) use unwind::CallSite;
pub(crate) use words::Word;

/// No section of code is taken that is larger: a size this large in a header is a lie.
const LARGEST: u64 = 1 << 32;

/// A function, as the symbol table has it.
#[derive(Debug)]
pub(crate) struct Function<'data> {
    pub(crate) address: u64,
    pub(crate) code: &'data [u8],
    pub(crate) name: &'data str,
    /// Calls that may unwind to a landing pad of this function.
    pub(crate) call_sites: Vec<CallSite>,
}

impl Function<'_> {
    pub(crate) fn end(&self) -> u64 {
        self.address.saturating_add(self.code.len() as u64)
    }

    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.address..self.end()).contains(&address)
    }

    /// The name as people write it, without the hash.
    pub(crate) fn readable(&self) -> String {
        readable(self.name)
    }
}

pub(crate) fn readable(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// What lies at an address that is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Callee<'data> {
    /// The function of this index, from its first instruction or from somewhere within.
    Function(usize),
    /// A function of another object.
    Import(&'data str),
    /// Code without a symbol.
    Nameless,
}

struct Section<'data> {
    address: u64,
    bytes: &'data [u8],
    /// Nobody writes to it once the program is loaded.
    constant: bool,
}

/// A linked x86-64 ELF file.
pub(crate) struct Image<'data> {
    pub(crate) file: object::File<'data>,
    /// By address, none overlapping another.
    pub(crate) functions: Vec<Function<'data>>,
    /// Code outside the functions: stubs of the linker.
    code: Vec<Section<'data>>,
    data: Vec<Section<'data>>,
    relocated: HashMap<u64, Word<'data>>,
    /// By distance to the thread pointer (a negative number), with sizes.
    thread_locals: Vec<(i64, u64, &'data str)>,
}

impl<'data> Image<'data> {
    pub(crate) fn parse(bytes: &'data [u8]) -> Result<Image<'data>, CannotLook> {
        let file = object::File::parse(bytes).map_err(|error| CannotLook::NotAnObject(error.to_string()))?;
        if file.format() != BinaryFormat::Elf {
            return Err(CannotLook::NotElf(format!("{:?}", file.format())));
        }
        if file.architecture() != Architecture::X86_64 {
            return Err(CannotLook::NotX86_64(format!("{:?}", file.architecture())));
        }
        if !matches!(file.kind(), ObjectKind::Executable | ObjectKind::Dynamic) {
            return Err(CannotLook::NotLinked);
        }
        if file.symbols().next().is_none() {
            return Err(CannotLook::Stripped);
        }
        let mut image = Image {
            functions: Vec::new(),
            code: sections(&file, |kind| kind == SectionKind::Text),
            data: sections(&file, |kind| {
                matches!(
                    kind,
                    SectionKind::Data
                        | SectionKind::ReadOnlyData
                        | SectionKind::ReadOnlyDataWithRel
                        | SectionKind::ReadOnlyString
                )
            }),
            relocated: words::relocated(&file),
            thread_locals: thread_locals(&file),
            file,
        };
        image.functions = functions(&image.file, &image.code);
        if image.functions.is_empty() {
            return Err(CannotLook::Stripped);
        }
        unwind::add_call_sites(&image.file, &mut image.functions);
        Ok(image)
    }

    /// The function that an address lies in.
    pub(crate) fn function_at(&self, address: u64) -> Option<usize> {
        let next = self.functions.partition_point(|function| function.address <= address);
        let index = next.checked_sub(1)?;
        self.functions[index].contains(address).then_some(index)
    }

    /// The word at an address once the program is loaded.
    pub(crate) fn word(&self, address: u64) -> Option<Word<'data>> {
        if let Some(word) = self.relocated.get(&address) {
            return Some(*word);
        }
        let bytes = self.bytes_of_data(address)?.first_chunk::<8>()?;
        Some(Word::Number(u64::from_le_bytes(*bytes)))
    }

    /// As `word`, of words that are never written to again: the global offset table and read-only data.
    fn constant(&self, address: u64) -> Option<Word<'data>> {
        section_at(&self.data, address).filter(|section| section.constant).and_then(|_| self.word(address))
    }

    /// The 32-bit number with a sign at an address, as in tables of jumps.
    pub(crate) fn offset(&self, address: u64) -> Option<i32> {
        Some(i32::from_le_bytes(*self.bytes_of_data(address)?.first_chunk::<4>()?))
    }

    /// The thread-local that lies this far from the thread pointer.
    pub(crate) fn thread_local(&self, distance: i64) -> Option<&'data str> {
        let next = self.thread_locals.partition_point(|(start, ..)| *start <= distance);
        let (start, size, name) = *self.thread_locals.get(next.checked_sub(1)?)?;
        let within = u64::try_from(distance.checked_sub(start)?).ok()?;
        (within < size.max(1)).then_some(name)
    }

    fn bytes_of_data(&self, address: u64) -> Option<&'data [u8]> {
        bytes_at(&self.data, address)
    }

    fn bytes_of_code(&self, address: u64) -> Option<&'data [u8]> {
        bytes_at(&self.code, address)
    }
}

impl<'data> Resolve<'data> for Image<'data> {
    fn callee(&self, address: u64) -> Callee<'data> {
        if let Some(function) = self.function_at(address) {
            return Callee::Function(function);
        }
        match self.bytes_of_code(address).and_then(|bytes| plt::slot(bytes, address)) {
            Some(slot) => self.callee_in(slot),
            None => Callee::Nameless,
        }
    }

    fn callee_in(&self, slot: u64) -> Callee<'data> {
        match self.constant(slot) {
            Some(Word::Import(name)) => Callee::Import(name),
            Some(Word::Number(address)) => match self.function_at(address) {
                Some(function) => Callee::Function(function),
                None => Callee::Nameless,
            },
            _ => Callee::Nameless,
        }
    }
}

impl std::fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image").field("functions", &self.functions.len()).finish_non_exhaustive()
    }
}

fn section_at<'sections, 'data>(
    sections: &'sections [Section<'data>],
    address: u64,
) -> Option<&'sections Section<'data>> {
    let next = sections.partition_point(|section| section.address <= address);
    let section = sections.get(next.checked_sub(1)?)?;
    (address - section.address < section.bytes.len() as u64).then_some(section)
}

fn bytes_at<'data>(sections: &[Section<'data>], address: u64) -> Option<&'data [u8]> {
    let section = section_at(sections, address)?;
    section.bytes.get(usize::try_from(address - section.address).ok()?..)
}

fn sections<'data>(file: &object::File<'data>, wanted: impl Fn(SectionKind) -> bool) -> Vec<Section<'data>> {
    let mut sections: Vec<Section<'data>> = file
        .sections()
        .filter(|section| wanted(section.kind()) && section.address() != 0 && section.size() < LARGEST)
        .filter_map(|section| {
            let name = section.name().unwrap_or_default();
            let constant = section.kind() != SectionKind::Data || name.starts_with(".got");
            Some(Section { address: section.address(), bytes: section.data().ok()?, constant })
        })
        .filter(|section| section.address.checked_add(section.bytes.len() as u64).is_some())
        .collect();
    sections.sort_by_key(|section| section.address);
    sections
}

/// The functions of the symbol table. Of several names for one address the first that the table has for the whole length is kept, and a
/// function that reaches into the next ends there.
fn functions<'data>(file: &object::File<'data>, code: &[Section<'data>]) -> Vec<Function<'data>> {
    let mut symbols: Vec<(u64, u64, &str)> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition() && symbol.size() > 0)
        .filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?)))
        .collect();
    // The longest first: the others are names of its beginning.
    symbols.sort_by_key(|&(address, size, name)| (address, std::cmp::Reverse(size), name));
    symbols.dedup_by_key(|&mut (address, ..)| address);
    let ends: Vec<u64> = symbols.iter().skip(1).map(|&(address, ..)| address).chain([u64::MAX]).collect();
    symbols
        .into_iter()
        .zip(ends)
        .filter_map(|((address, size, name), next)| {
            let bytes = bytes_at(code, address)?;
            let size = size.min(next - address).min(bytes.len() as u64);
            Some(Function { address, code: &bytes[..size as usize], name, call_sites: Vec::new() })
        })
        .filter(|function| !function.code.is_empty())
        .collect()
}

/// x86-64 puts the program's own thread-locals right below the thread pointer.
fn thread_locals<'data>(file: &object::File<'data>) -> Vec<(i64, u64, &'data str)> {
    let Some((size, alignment)) = words::thread_local_template(file) else { return Vec::new() };
    let Some(size) = size.checked_next_multiple_of(alignment.max(1)) else { return Vec::new() };
    let mut found: Vec<(i64, u64, &str)> = file
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Tls)
        .filter_map(|symbol| {
            let distance = i64::try_from(symbol.address()).ok()?.checked_sub(i64::try_from(size).ok()?)?;
            Some((distance, symbol.size(), symbol.name().ok()?))
        })
        .collect();
    found.sort_unstable();
    found
}
