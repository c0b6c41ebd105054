//! What the dynamic linker writes into the file's words.

use object::elf::{self, PT_TLS};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Object, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget};
use std::collections::HashMap;

/// A word of the loaded program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word<'data> {
    /// A number, or an address in this file.
    Number(u64),
    /// The address of something in another object.
    Import(&'data str),
    /// The first half of a descriptor of a thread-local: a function that finds it.
    ThreadLocalDescriptor,
    /// Something else of the dynamic linker's.
    Other,
}

/// The words that the dynamic linker fills in. Those it only shifts by where the file was loaded (`RELR`) stand in the file as they are.
pub(super) fn relocated<'data>(file: &object::File<'data>) -> HashMap<u64, Word<'data>> {
    let Some(relocations) = file.dynamic_relocations() else { return HashMap::new() };
    let symbols = file.dynamic_symbol_table();
    relocations
        .filter_map(|(place, relocation)| {
            let RelocationFlags::Elf { r_type } = relocation.flags() else { return None };
            let symbol = match relocation.target() {
                RelocationTarget::Symbol(index) => symbols.as_ref().and_then(|table| table.symbol_by_index(index).ok()),
                _ => None,
            };
            let word = match r_type {
                elf::R_X86_64_RELATIVE => Word::Number(relocation.addend() as u64),
                elf::R_X86_64_GLOB_DAT | elf::R_X86_64_JUMP_SLOT | elf::R_X86_64_64 => {
                    let symbol = symbol?;
                    match symbol.is_undefined() {
                        true => Word::Import(symbol.name().ok()?),
                        false => Word::Number(symbol.address().wrapping_add(relocation.addend() as u64)),
                    }
                }
                elf::R_X86_64_TLSDESC => Word::ThreadLocalDescriptor,
                _ => Word::Other,
            };
            Some((place, word))
        })
        .collect()
}

/// Size and alignment of the block of thread-locals.
pub(super) fn thread_local_template(file: &object::File<'_>) -> Option<(u64, u64)> {
    let object::File::Elf64(file) = file else { return None };
    let endian = file.endian();
    let headers = file.elf_header().program_headers(endian, file.data()).ok()?;
    let header = headers.iter().find(|header| header.p_type(endian) == PT_TLS)?;
    Some((header.p_memsz(endian), header.p_align(endian)))
}
