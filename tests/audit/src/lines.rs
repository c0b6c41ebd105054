//! Source lines, from the debug information.

use crate::image::Image;
use addr2line::Context;
use gimli::{EndianSlice, LittleEndian};
use object::{Object, ObjectSection};
use std::borrow::Cow;

/// A position in the source, and the function that the compiler put there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub(crate) function: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

/// The sections with the debug information, decompressed where needed.
pub(crate) struct Sections<'data>(gimli::DwarfSections<Cow<'data, [u8]>>);

impl<'data> Sections<'data> {
    /// `None`: there is none that can be read.
    pub(crate) fn of(image: &Image<'data>) -> Option<Sections<'data>> {
        image.file.section_by_name(".debug_line").or_else(|| image.file.section_by_name(".zdebug_line"))?;
        let load = |id: gimli::SectionId| -> Result<Cow<'data, [u8]>, object::Error> {
            match image.file.section_by_name(id.name()) {
                Some(section) => section.uncompressed_data(),
                None => Ok(Cow::Borrowed(&[])),
            }
        };
        gimli::DwarfSections::load(load).ok().map(Sections)
    }

    pub(crate) fn lines(&self) -> Option<Lines<'_>> {
        let dwarf = self.0.borrow(|section| EndianSlice::new(section, LittleEndian));
        Context::from_dwarf(dwarf).ok().map(Lines)
    }
}

pub(crate) struct Lines<'sections>(Context<EndianSlice<'sections, LittleEndian>>);

impl Lines<'_> {
    /// What was inlined at an address, the innermost first; the last is the function itself.
    pub(crate) fn at(&self, address: u64) -> Vec<Frame> {
        let mut found = Vec::new();
        let Ok(mut frames) = self.0.find_frames(address).skip_all_loads() else { return found };
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.and_then(|name| Some(crate::image::readable(&name.raw_name().ok()?)));
            let (file, line) =
                frame.location.map_or((None, None), |location| (location.file.map(str::to_owned), location.line));
            found.push(Frame { function, file, line });
        }
        found
    }
}
