//! Random bytes as code: whatever a damaged file has, the analysis ends and does not panic.

use super::{START, Surroundings};
use crate::code::Code;
use crate::flow::analyse;
use crate::image::{CallSite, Function};

#[path = "../../../tests/behaviour/random.rs"]
mod numbers;
use numbers::Random;

/// Pieces that lead the analysis somewhere, between bytes that do not.
const PIECES: [&[u8]; 14] = [
    &[0x64, 0x48, 0x8b, 0x1c, 0x25, 0, 0, 0, 0],
    &[0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0],
    &[0x48, 0x89, 0x44, 0x24, 0x08],
    &[0x48, 0x8b, 0x44, 0x24, 0x08],
    &[0x48, 0x8b, 0x43, 0xf8],
    &[0xe8, 0xf0, 0x0f, 0, 0],
    &[0xff, 0xd0],
    &[0x75, 0xe0],
    &[0x74, 0x10],
    &[0xeb, 0xf0],
    &[0x48, 0x63, 0x04, 0xb9, 0x48, 0x01, 0xc8, 0xff, 0xe0],
    &[0x48, 0x83, 0xe4, 0x80],
    &[0x0f, 0x11, 0x44, 0x24, 0x08],
    &[0x55, 0x53, 0x48, 0x8d, 0x05, 0x09, 0, 0, 0, 0x50, 0x48, 0x89, 0xe6, 0x48, 0x8b, 0x22, 0x5d, 0xc3, 0x55],
];

#[test]
fn whatever_the_bytes_are() {
    let mut random = Random::new();
    for _ in 0..2_000 {
        let mut code = Vec::new();
        for _ in 0..random.below(60) {
            match random.below(3) {
                0 => code.extend((0..random.below(12)).map(|_| random.next() as u8)),
                _ => code.extend_from_slice(PIECES[random.below(PIECES.len())]),
            }
        }
        // Also at the end of the address space; no section reaches beyond that.
        let address = if random.below(8) == 0 { u64::MAX - code.len() as u64 } else { START };
        let pad = address.wrapping_add(random.below(code.len() + 1) as u64);
        let call_sites = [CallSite { calls: address..address.saturating_add(100), pad }];
        let mut surroundings = Surroundings { table: (0..8).map(|_| random.next() as i32 % 0x7000).collect() };
        let function = Function { address, code: &code, name: "random", call_sites: Vec::new() };
        let code = Code::of(&surroundings, &function);
        assert!(!analyse(&code, &call_sites, &mut surroundings).given_up, "it took too long");
    }
}

#[test]
fn a_huge_function_takes_no_time_to_speak_of() {
    // A thousand addresses in the frame, each held over a switch, then a jump back to the start.
    let mut code = vec![0x48, 0x81, 0xec, 0, 0x20, 0, 0];
    for slot in 0..1_000_u32 {
        code.extend_from_slice(&[0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]);
        code.extend_from_slice(&[0x48, 0x89, 0x84, 0x24]);
        code.extend_from_slice(&(8 * slot).to_le_bytes());
        // test edi, edi; je over the call
        code.extend_from_slice(&[0x85, 0xff, 0x74, 0x05, 0xe8, 0, 0, 0, 0]);
        let behind = START + code.len() as u64;
        let to = (super::SWITCHING.wrapping_sub(behind) as i32).to_le_bytes();
        let end = code.len();
        code[end - 4..].copy_from_slice(&to);
    }
    code.push(0xe9);
    let back = -(code.len() as i32 + 4);
    code.extend_from_slice(&back.to_le_bytes());
    let mut surroundings = Surroundings::default();
    let function = Function { address: START, code: &code, name: "huge", call_sites: Vec::new() };
    let code = Code::of(&surroundings, &function);
    assert!(!analyse(&code, &[], &mut surroundings).given_up);
}
