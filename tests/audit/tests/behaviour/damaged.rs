//! Damaged programs: a report or an error, never a panic, and never for ever.

use crate::programs;
use crate::random::Random;
use threadle_audit::{Indirect, Options, audit};

/// Looks at a file and shows what was found, as a caller would.
fn look(bytes: &[u8], indirect: Indirect) -> bool {
    match audit(bytes, &Options { indirect, ..Options::default() }) {
        Ok(report) => !report.to_string().is_empty() && !report.to_json().is_empty(),
        Err(why) => !why.to_string().is_empty(),
    }
}

#[test]
fn cut_off_anywhere() {
    let whole = programs::bytes("planted");
    let mut random = Random::new();
    let short = (0..128).chain((0..64).map(|_| random.below(whole.len()))).collect::<Vec<usize>>();
    for length in short {
        assert!(look(&whole[..length], Indirect::Near), "{length} bytes");
    }
}

#[test]
fn with_a_header_that_lies() {
    let whole = programs::bytes("planted");
    let mut random = Random::new();
    let sections = u64::from_le_bytes(*whole[40..].first_chunk().expect("it has a header")) as usize;
    for round in 0..30 {
        let mut bytes = whole.clone();
        // The file's header and those of segments; or those of the sections.
        let (start, length) = if round % 2 == 0 { (16, 800) } else { (sections, whole.len() - sections) };
        for _ in 0..=random.below(4) {
            bytes[start + random.below(length)] = random.next() as u8;
        }
        assert!(look(&bytes, Indirect::Near));
    }
}

#[test]
fn with_bytes_that_changed_on_the_way() {
    let whole = programs::bytes("planted");
    let mut random = Random::new();
    for _ in 0..16 {
        let mut bytes = whole.clone();
        for _ in 0..20_000 {
            let at = 64 + random.below(bytes.len() - 64);
            bytes[at] = random.next() as u8;
        }
        assert!(look(&bytes, if random.below(2) == 0 { Indirect::Near } else { Indirect::Always }));
    }
}
