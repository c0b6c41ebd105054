//! Chains: lists of queueable things through links of their own.

use crate::sync::atomic::{AtomicPtr, Ordering::*};
use std::fmt;

/// What can be queued: a G, or an M that waits for a P.
///
/// Elements are `&'static`: their memory is type-stable and never freed. One element is in at most one chain, ring or
/// inbox at a time, and its link belongs to whoever took it off the last one. Breaking that loses elements or makes
/// cycles; it is never undefined behaviour here, but what runs a G relies on getting it once.
pub(crate) trait Linked: Sync + Sized + 'static {
    /// The link to the next element. Nobody else may store to it.
    fn link(&self) -> &AtomicPtr<Self>;
}

/// The element behind a pointer that one of our queues stored.
///
/// # Safety
/// `element` is not null, and was made from a `&'static T`.
#[inline]
pub(crate) unsafe fn element<T: Linked>(element: *mut T) -> &'static T {
    assert!(!cfg!(loom) || !element.is_null(), "an element was read before it was published");
    // SAFETY: it was a `&'static T`, so it is valid and shared for ever (the caller's promise).
    unsafe { &*element }
}

#[inline]
pub(crate) fn pointer<T: Linked>(element: &'static T) -> *mut T {
    std::ptr::from_ref(element).cast_mut()
}

/// A list through the links of its elements. It owns the right to queue them, and no memory.
#[must_use = "whoever drops a chain loses its elements"]
pub(crate) struct Chain<T: Linked> {
    // The link of the last element is stale: the length says where the chain ends, which saves a store per element.
    ends: Option<(&'static T, &'static T)>,
    len: usize,
}

impl<T: Linked> Chain<T> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { ends: None, len: 0 }
    }

    #[inline]
    pub(crate) fn one(only: &'static T) -> Self {
        Self { ends: Some((only, only)), len: 1 }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Looks at all, oldest first, for whoever has the chain.
    #[cfg(not(loom))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'static T> + '_ {
        let mut next = self.ends.map(|(first, _)| first);
        (0..self.len).map_while(move |place| {
            let here = next?;
            // SAFETY: not the last element, so its link was stored from a `&'static T`.
            next = (place + 1 < self.len).then(|| unsafe { element(here.link().load(Relaxed)) });
            Some(here)
        })
    }

    #[inline]
    pub(crate) fn push_back(&mut self, last: &'static T) {
        // Relaxed, here and below: the queue a chain goes through publishes the links along with everything else.
        self.ends = Some(match self.ends {
            None => (last, last),
            Some((first, before)) => {
                before.link().store(pointer(last), Relaxed);
                (first, last)
            }
        });
        self.len += 1;
    }

    #[inline]
    pub(crate) fn push_front(&mut self, first: &'static T) {
        self.ends = Some(match self.ends {
            None => (first, first),
            Some((after, last)) => {
                first.link().store(pointer(after), Relaxed);
                (first, last)
            }
        });
        self.len += 1;
    }

    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<&'static T> {
        let (first, last) = self.ends?;
        self.len -= 1;
        self.ends = if self.len == 0 {
            None
        } else {
            // SAFETY: not the last element, so its link was stored by `push_back`, `push_front` or `append`, from a
            // `&'static T`.
            Some((unsafe { element(first.link().load(Relaxed)) }, last))
        };
        Some(first)
    }

    /// Puts `other` behind this one. O(1).
    #[inline]
    pub(crate) fn append(&mut self, mut other: Self) {
        let Some((after, last)) = other.ends.take() else { return };
        self.ends = Some(match self.ends {
            None => (after, last),
            Some((first, before)) => {
                before.link().store(pointer(after), Relaxed);
                (first, last)
            }
        });
        self.len += std::mem::take(&mut other.len);
    }

    /// Cuts the first `count` off, or all where there are not as many. O(count).
    pub(crate) fn split_front(&mut self, count: usize) -> Self {
        let mut front = Self::new();
        while front.len < count
            && let Some(first) = self.pop_front()
        {
            front.push_back(first);
        }
        front
    }
}

impl<T: Linked> Default for Chain<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes from the front.
impl<T: Linked> Iterator for Chain<T> {
    type Item = &'static T;

    #[inline]
    fn next(&mut self) -> Option<&'static T> {
        self.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl<T: Linked> FromIterator<&'static T> for Chain<T> {
    fn from_iter<I: IntoIterator<Item = &'static T>>(elements: I) -> Self {
        let mut chain = Self::new();
        elements.into_iter().for_each(|element| chain.push_back(element));
        chain
    }
}

impl<T: Linked> fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain of {}", self.len)
    }
}

impl<T: Linked> Drop for Chain<T> {
    #[inline]
    fn drop(&mut self) {
        debug_assert!(self.len == 0 || std::thread::panicking(), "a chain of {} was lost", self.len);
    }
}
