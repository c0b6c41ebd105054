//! The linker's stubs for functions of other objects.

use iced_x86::{Code, Decoder, DecoderOptions, Register};

/// Where the stub at `address` finds whom to jump to: `endbr64`, perhaps, then `jmp [rip + ..]`.
pub(super) fn slot(bytes: &[u8], address: u64) -> Option<u64> {
    let bytes = &bytes[..bytes.len().min(16)];
    Decoder::with_ip(64, bytes, address, DecoderOptions::NONE)
        .into_iter()
        .take(2)
        .find(|instruction| instruction.code() == Code::Jmp_rm64 && instruction.memory_base() == Register::RIP)
        .map(|instruction| instruction.ip_rel_memory_address())
}
