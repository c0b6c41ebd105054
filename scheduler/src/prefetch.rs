//! Asking for a cache line before it is needed.

/// Asks the processor to bring the cache line at `place` near, and goes on: a hint that neither waits nor fails, whatever the address. It
/// walks the page tables too, so what is asked for on many pages is missed once together, not once each.
///
/// On processors we know no instruction for it does nothing.
///
/// Switches: no.
///
/// ```
/// let far = vec![0_u64; 1 << 20];
/// threadle_scheduler::prefetch(&raw const far[1 << 19]);
/// threadle_scheduler::prefetch(std::ptr::null::<u64>());
/// ```
#[inline(always)]
pub fn prefetch<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: SSE is part of x86-64; the instruction reads nothing that a program could see, and faults at no address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above: PRFM is a hint, faults at no address, and leaves registers, flags and stack as they are.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) place.cast::<u8>(), options(nostack, preserves_flags, readonly));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = place;
}
