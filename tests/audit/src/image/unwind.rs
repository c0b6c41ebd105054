//! Landing pads: where a call goes on when the callee panics.
//!
//! No jump leads to them, so they are read from the tables of the unwinder: `.eh_frame` names each function's table of call sites in
//! `.gcc_except_table` (the "language-specific data area" of the Itanium C++ ABI's exception handling, which rustc uses as well).

use super::Function;
use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, LittleEndian, Pointer, Reader, UnwindSection};
use object::{Object, ObjectSection};
use std::ops::Range;

type Slice<'data> = EndianSlice<'data, LittleEndian>;

/// Calls in `calls` unwind to `pad`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CallSite {
    pub(crate) calls: Range<u64>,
    pub(crate) pad: u64,
}

/// Gives each function its call sites. What cannot be read is left out: the function then has no landing pads.
pub(super) fn add_call_sites(file: &object::File<'_>, functions: &mut [Function<'_>]) {
    let section =
        |name: &str| file.section_by_name(name).and_then(|section| Some((section.address(), section.data().ok()?)));
    let (Some((frame_address, frames)), Some((table_address, tables))) =
        (section(".eh_frame"), section(".gcc_except_table"))
    else {
        return;
    };
    let mut bases = BaseAddresses::default().set_eh_frame(frame_address);
    if let Some(text) = file.section_by_name(".text") {
        bases = bases.set_text(text.address());
    }
    let eh_frame = EhFrame::new(frames, LittleEndian);
    let mut entries = eh_frame.entries(&bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(fde) = partial.parse(EhFrame::cie_from_offset) else { continue };
        let Some(Pointer::Direct(table)) = fde.lsda() else { continue };
        let Ok(index) = functions.binary_search_by_key(&fde.initial_address(), |function| function.address) else {
            continue;
        };
        let Some(bytes) = table.checked_sub(table_address).and_then(|at| tables.get(usize::try_from(at).ok()?..))
        else {
            continue;
        };
        functions[index].call_sites = call_sites(bytes, table, fde.initial_address()).unwrap_or_default();
    }
}

/// The call-site table at the start of `bytes`, which lie at `address`.
fn call_sites(bytes: &[u8], address: u64, function: u64) -> gimli::Result<Vec<CallSite>> {
    let mut rest = Slice::new(bytes, LittleEndian);
    let start_encoding = gimli::DwEhPe(rest.read_u8()?);
    let start = match start_encoding {
        gimli::DW_EH_PE_omit => function,
        encoding => function_start(&mut rest, encoding, address, bytes.len())?,
    };
    if gimli::DwEhPe(rest.read_u8()?) != gimli::DW_EH_PE_omit {
        rest.read_uleb128()?;
    }
    let encoding = gimli::DwEhPe(rest.read_u8()?);
    let length = usize::try_from(rest.read_uleb128()?).map_err(|_| gimli::Error::BadUnsignedLeb128)?;
    let mut table = rest.split(length)?;
    let mut found = Vec::new();
    while !table.is_empty() {
        let begin = number(&mut table, encoding)?;
        let size = number(&mut table, encoding)?;
        let pad = number(&mut table, encoding)?;
        table.read_uleb128()?;
        if pad != 0 {
            let begin = function.wrapping_add(begin);
            found.push(CallSite { calls: begin..begin.wrapping_add(size), pad: start.wrapping_add(pad) });
        }
    }
    Ok(found)
}

fn function_start(rest: &mut Slice<'_>, encoding: gimli::DwEhPe, address: u64, length: usize) -> gimli::Result<u64> {
    let here = address.wrapping_add((length - rest.len()) as u64);
    let offset = number(rest, gimli::DwEhPe(encoding.0 & 0x0f))?;
    Ok(if encoding.application() == gimli::DW_EH_PE_pcrel { here.wrapping_add(offset) } else { offset })
}

fn number(rest: &mut Slice<'_>, encoding: gimli::DwEhPe) -> gimli::Result<u64> {
    match encoding.format() {
        gimli::DW_EH_PE_uleb128 => rest.read_uleb128(),
        gimli::DW_EH_PE_sleb128 => rest.read_sleb128().map(|number| number as u64),
        gimli::DW_EH_PE_udata2 => rest.read_u16().map(u64::from),
        gimli::DW_EH_PE_sdata2 => rest.read_i16().map(|number| number as u64),
        gimli::DW_EH_PE_udata4 => rest.read_u32().map(u64::from),
        gimli::DW_EH_PE_sdata4 => rest.read_i32().map(|number| number as u64),
        gimli::DW_EH_PE_udata8 | gimli::DW_EH_PE_absptr => rest.read_u64(),
        gimli::DW_EH_PE_sdata8 => rest.read_i64().map(|number| number as u64),
        other => Err(gimli::Error::UnknownPointerEncoding(other)),
    }
}
