//! What a timer shares with its receivers, made when the first of them is. Most timers that are received from are a time-out that is over in time: of
//! those there never is more than the instant. Modelled in `latent_loom.rs`.
//!
//! One word has either:
//!
//! | the word | says | who changes it |
//! |---|---|---|
//! | odd | when it is due, shifted by one: there are no receivers | `set`, to another instant; `share`, to what it has made for *that* one |
//! | even | the address of what is shared, which has the instant from here on | nobody |
//!
//! Both change it by CAS from what they have read. So a `set` beside a `share` comes either before what is shared is there for others, which is then
//! made anew for the new instant; or behind it, and is made there. No instant is lost, and none comes back.

use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, Ordering::*};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicPtr, Ordering::*};

const INSTANT: usize = 1;

/// See the module.
pub(crate) struct Latent<T> {
    word: AtomicPtr<T>,
    owns: PhantomData<Arc<T>>,
}

impl<T> Latent<T> {
    /// `T` must not lie at an odd address.
    const FITS: () = assert!(align_of::<T>() > INSTANT && usize::BITS == u64::BITS);

    /// Due at `at`, of 63 bits.
    pub(crate) fn new(at: u64) -> Self {
        const { Self::FITS };
        Latent { word: AtomicPtr::new(instant(at)), owns: PhantomData }
    }

    /// Another instant, of 63 bits. The former one; or what is shared, if there is such a thing: nothing was done then.
    pub(crate) fn set(&self, at: u64) -> Result<u64, &T> {
        // Acquires what is shared, here and below.
        let mut present = self.word.load(Acquire);
        while let Some(before) = of_instant(present) {
            match self.word.compare_exchange_weak(present, instant(at), AcqRel, Acquire) {
                Ok(_) => return Ok(before),
                Err(now) => present = now,
            }
        }
        // SAFETY: the word is even, so it is the address of what `share` has made, initialised before its release and acquired by us. It is never
        // written again, and the reference that it stands for is given back by our `drop`, which the borrow of `self` outlives not.
        Err(unsafe { &*present })
    }

    /// What is shared; made by `make` for the present instant, if need be. `make` may be called more than once.
    pub(crate) fn share(&self, make: impl Fn(u64) -> T) -> Arc<T> {
        let mut present = self.word.load(Acquire);
        while let Some(at) = of_instant(present) {
            let made = Arc::into_raw(Arc::new(make(at))).cast_mut();
            match self.word.compare_exchange(present, made, AcqRel, Acquire) {
                Ok(_) => present = made,
                Err(now) => {
                    // SAFETY: from `into_raw` above, and nobody else has seen it.
                    drop(unsafe { Arc::from_raw(made) });
                    present = now;
                }
            }
        }
        // SAFETY: the word is even, so it came from `Arc::into_raw`, and the reference that it stands for lives as long as `self`.
        unsafe {
            Arc::increment_strong_count(present);
            Arc::from_raw(present)
        }
    }

    /// When it is due, or what is shared.
    pub(crate) fn look(&self) -> Result<u64, &T> {
        let present = self.word.load(Acquire);
        // SAFETY: as in `set`.
        of_instant(present).ok_or_else(|| unsafe { &*present })
    }
}

impl<T> Drop for Latent<T> {
    fn drop(&mut self) {
        // Relaxed: whoever drops it has it from all others, and what they did came before.
        let present = self.word.load(Relaxed);
        if of_instant(present).is_none() {
            // SAFETY: from `Arc::into_raw`, and the reference is given back once, here.
            drop(unsafe { Arc::from_raw(present) });
        }
    }
}

fn instant<T>(at: u64) -> *mut T {
    debug_assert!(at >> 63 == 0, "an instant of more than 63 bits");
    ptr::without_provenance_mut((at as usize) << 1 | INSTANT)
}

fn of_instant<T>(word: *mut T) -> Option<u64> {
    (word.addr() & INSTANT != 0).then(|| (word.addr() >> 1) as u64)
}
