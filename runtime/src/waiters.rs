//! The FIFO of waiters that every blocking structure of this crate is built on.
//!
//! A [`Waiter`] lives in the stack frame of the goroutine or thread that waits; a [`WaitList`] links waiters and is
//! itself guarded by the lock of the structure that owns it (a channel, a mutex). Nothing is allocated.
//!
//! # Who may touch a waiter when
//!
//! | the waiter is | its links and payload belong to |
//! |---|---|
//! | not yet pushed | its frame |
//! | in a list | whoever holds the list's lock |
//! | popped, claim not yet tried or failed | whoever holds the list's lock |
//! | claimed | its frame again: the claimer must not touch it any more |
//!
//! The claim is [`Ticket::claim`], of which exactly one succeeds for a ticket. It is a release operation and the return
//! of the park an acquire operation, so what was written to the payload before the claim is seen by the waiter without
//! taking the lock. A waiter that returns from its park *unclaimed* (its deadline passed, it unwinds) takes the lock and
//! removes its node before the frame ends. For a goroutine abandoned at the end of its runtime somebody else does: its stack stays
//! mapped for good, and its ticket can no longer be claimed by the next one who pops it meanwhile.
//!
//! The same node serves a plain wait and a `select`: the nodes of one `select` lie in several lists and share one
//! ticket, which therefore is the word that decides the winner; the outcome in the payload says which node won.
//!
//! A waiter also keeps where one that queued behind it lies, for who takes the whole list. That is read and written by the holder of the lock, and
//! never followed: the other may have gone, and its frame be somebody else's. Asking for the memory there does no harm.
//!
//! How a waiter waits once it is in a list, and what may end that wait, is in `wait.rs`.

use std::fmt;
use std::marker::PhantomPinned;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

pub(crate) use crate::base::lock;
use crate::base::{Ticket, UnsafeCell, Woken, prefetch};

/// Between a waiter and the one behind it that it is told of are so many others. While the ones between are dealt with, in some 30 ns each, that
/// one's memory comes.
const LEAD: usize = 16;

/// One waiting goroutine or thread, linked into a [`WaitList`].
pub(crate) struct Waiter<P> {
    ticket: Ticket,
    links: UnsafeCell<Links<P>>,
    /// Whether it was claimed from the list, rather than woken by something that knows of its ticket only.
    served: UnsafeCell<bool>,
    payload: UnsafeCell<P>,
    _pinned: PhantomPinned,
}

struct Links<P> {
    previous: Option<NonNull<Waiter<P>>>,
    next: Option<NonNull<Waiter<P>>>,
    linked: bool,
    /// Where one that queued behind it lies, or lay, and its ticket: a hint, to fetch it by. The one may be gone.
    ahead: Option<(NonNull<Waiter<P>>, Ticket)>,
}

impl<P> Waiter<P> {
    pub(crate) fn new(ticket: Ticket, payload: P) -> Self {
        let links = Links { previous: None, next: None, linked: false, ahead: None };
        Waiter {
            ticket,
            links: UnsafeCell::new(links),
            served: UnsafeCell::new(false),
            payload: UnsafeCell::new(payload),
            _pinned: PhantomPinned,
        }
    }

    /// Whether it was claimed from its list. To be asked by the waiting frame, once the node is its own again: its park has ended claimed,
    /// or it has found under the list's lock that the node is in no list.
    pub(crate) fn was_served(&self) -> bool {
        // SAFETY: written by who pops the node, under the lock and before the claim; the caller comes after either.
        self.served.with(|served| unsafe { *served })
    }

    /// The payload, looked at by the waiting frame.
    ///
    /// # Safety
    /// The node is its frame's again: it was claimed, or it is in no list.
    pub(crate) unsafe fn payload(&self) -> &P {
        // SAFETY: as the caller says, nobody else changes it.
        self.payload.with(|payload| unsafe { &*payload })
    }

    /// The payload, changed in the name of the waiting frame, which never goes on.
    ///
    /// # Safety
    /// As for [`payload`](Self::payload), and there is no reference to it.
    pub(crate) unsafe fn change_payload<R>(&self, change: impl FnOnce(&mut P) -> R) -> R {
        // SAFETY: as the caller says.
        self.payload.with_mut(|payload| change(unsafe { &mut *payload }))
    }

    /// The payload, back in the hands of the waiting frame.
    ///
    /// By value, so that the compiler shows that the node is in no list's reach afterwards: it can only be called on a
    /// node that was never borrowed by a list longer than its park.
    pub(crate) fn into_payload(self) -> P {
        self.payload.into_inner()
    }
}

/// Where a waiter lies in a frame that neither makes it nor takes it apart: both are done by functions that the frame calls before and after
/// its wait.
///
/// A waiter that is never taken out of it is not dropped.
pub(crate) struct Place<P>(std::cell::UnsafeCell<MaybeUninit<Waiter<P>>>);

impl<P> Place<P> {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Place(std::cell::UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// # Safety
    /// There is no reference to a waiter that was here before.
    pub(crate) unsafe fn put(&self, waiter: Waiter<P>) -> &Waiter<P> {
        // SAFETY: as the caller says, it is ours alone; and it lies there from now on.
        unsafe { (*self.0.get()).write(waiter) }
    }

    /// # Safety
    /// It was put here, and not taken.
    pub(crate) unsafe fn waiter(&self) -> &Waiter<P> {
        // SAFETY: as the caller says; a waiter is only looked at while it waits.
        unsafe { (*self.0.get()).assume_init_ref() }
    }

    /// # Safety
    /// It was put here, and not taken; it is in no list.
    pub(crate) unsafe fn take(&self) -> Waiter<P> {
        // SAFETY: as the caller says, nobody else has it.
        unsafe { (*self.0.get()).assume_init_read() }
    }
}

/// A first-in first-out list of [`Waiter`]s. Must be guarded by a lock that every user of its nodes takes.
pub(crate) struct WaitList<P> {
    head: Option<NonNull<Waiter<P>>>,
    tail: Option<NonNull<Waiter<P>>>,
    /// The one who is told where the next that queues lies; if `behind` is 0, nobody yet.
    told: Option<NonNull<Waiter<P>>>,
    /// How many are behind `told`, up to [`LEAD`].
    behind: usize,
}

// SAFETY: the list reaches payloads of other frames through its pointers and may move them out, so it is as `Send` as
// `P` is. Links and tickets are plain data guarded by the lock around the list.
unsafe impl<P: Send> Send for WaitList<P> {}

impl<P> WaitList<P> {
    pub(crate) const fn new() -> Self {
        WaitList { head: None, tail: None, told: None, behind: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Appends `waiter`.
    ///
    /// # Safety
    /// `waiter` is in no list. It neither moves nor ends before it was either claimed (its park returned "woken") or
    /// removed with [`remove`](Self::remove) under the lock of this list.
    pub(crate) unsafe fn push_back(&mut self, waiter: &Waiter<P>) {
        // SAFETY: the caller's promise and the lock (`&mut self`) give us the links of `waiter` and of the tail.
        unsafe { self.link(waiter, self.tail, None) };
        if self.head != self.tail {
            self.tell_of(waiter);
        }
    }

    /// It has queued, and others before it.
    fn tell_of(&mut self, waiter: &Waiter<P>) {
        let node = NonNull::from(waiter);
        if self.behind == 0 {
            // SAFETY: linked just now, and the lock is held.
            self.told = unsafe { change_links(node, |links| links.previous) };
        }
        self.behind += 1;
        if self.behind > LEAD
            && let Some(told) = self.told
        {
            let ahead = Some((node, waiter.ticket));
            // SAFETY: linked: `remove` passes the part on. The lock is held.
            self.told = unsafe {
                change_links(told, |links| {
                    links.ahead = ahead;
                    links.next
                })
            };
            self.behind = LEAD;
        }
    }

    /// Puts `waiter` at the front: for one that has waited before and lost to a barger.
    ///
    /// # Safety
    /// As for [`push_back`](Self::push_back).
    pub(crate) unsafe fn push_front(&mut self, waiter: &Waiter<P>) {
        // SAFETY: as in `push_back`, with the head in place of the tail.
        unsafe { self.link(waiter, None, self.head) }
    }

    /// # Safety
    /// As for `push_back`; `previous` and `next` are neighbours in this list or its ends.
    unsafe fn link(
        &mut self,
        waiter: &Waiter<P>,
        previous: Option<NonNull<Waiter<P>>>,
        next: Option<NonNull<Waiter<P>>>,
    ) {
        let node = NonNull::from(waiter);
        // SAFETY: the node is not linked yet and its frame waits for us (it holds the lock), so nobody else looks at it.
        unsafe { change_links(node, |links| *links = Links { previous, next, linked: true, ahead: None }) };
        match previous {
            // SAFETY: a linked node is alive and its links belong to the holder of the lock.
            Some(previous) => unsafe { change_links(previous, |links| links.next = Some(node)) },
            None => self.head = Some(node),
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { change_links(next, |links| links.previous = Some(node)) },
            None => self.tail = Some(node),
        }
    }

    /// Unlinks `waiter`; `false` if it was not linked any more.
    ///
    /// # Safety
    /// If `waiter` is linked, then into this list.
    pub(crate) unsafe fn remove(&mut self, waiter: &Waiter<P>) -> bool {
        // SAFETY: `&mut self` stands for the lock, which guards the links of everything that is or was in this list.
        let neighbours = unsafe {
            change_links(NonNull::from(waiter), |links| {
                std::mem::take(&mut links.linked).then_some((links.previous, links.next))
            })
        };
        let Some((previous, next)) = neighbours else { return false };
        match previous {
            // SAFETY: neighbours of a linked node are linked, hence alive, and guarded by the lock.
            Some(previous) => unsafe { change_links(previous, |links| links.next = next) },
            None => self.head = next,
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { change_links(next, |links| links.previous = previous) },
            None => self.tail = previous,
        }
        if self.behind > 0 {
            if previous.is_some() {
                // From between: how far it is to the end is no longer known.
                self.behind = 0;
            } else if self.told == Some(NonNull::from(waiter)) {
                self.told = next;
                self.behind -= 1;
            }
        }
        true
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        // SAFETY: linked nodes are alive and their links belong to the holder of the lock.
        std::iter::successors(self.head, |node| unsafe { change_links(*node, |links| links.next) }).count()
    }

    /// The payload of the waiter at the front.
    pub(crate) fn front(&mut self) -> Option<&mut P> {
        // SAFETY: a linked node is alive, and its payload belongs to the holder of the lock, for whom `&mut self` stands.
        self.head.map(|node| unsafe { &mut *node.as_ref().payload.with_mut(|payload| payload) })
    }

    /// Whether the waiter at the front cannot be claimed any more: it is about to take itself out of the list, or its runtime has stopped.
    pub(crate) fn front_is_gone(&self) -> bool {
        // SAFETY: a linked node is alive; its ticket does not change.
        self.head.is_some_and(|node| !unsafe { node.as_ref() }.ticket.is_open())
    }

    /// Takes all waiters out of the list, and claims those that can be.
    pub(crate) fn claim_all(&mut self) -> Vec<Woken> {
        std::iter::from_fn(|| self.pop_of_many().map(|waiter| waiter.claim().ok())).flatten().collect()
    }

    /// Whether somebody waits here who can still be woken, and is not the waiter of `except`.
    pub(crate) fn has_other(&self, except: Option<Ticket>) -> bool {
        // SAFETY: linked nodes are alive and their links belong to the holder of the lock.
        let nodes = std::iter::successors(self.head, |node| unsafe { change_links(*node, |links| links.next) });
        // SAFETY: linked, hence alive; the ticket of a node does not change.
        nodes.map(|node| unsafe { node.as_ref().ticket }).any(|ticket| Some(ticket) != except && ticket.is_open())
    }

    /// Takes the waiter out of the list that has waited longest of those whose payload is `wanted`.
    pub(crate) fn pop_first(&mut self, mut wanted: impl FnMut(&P) -> bool) -> Option<Popped<'_, P>> {
        let mut node = self.head?;
        // SAFETY: a linked node is alive, and its links and payload belong to the holder of the lock.
        while !unsafe { node.as_ref() }.payload.with(|payload| wanted(unsafe { &*payload })) {
            // SAFETY: as above.
            node = unsafe { change_links(node, |links| links.next) }?;
        }
        // SAFETY: linked into this list, as it was found there.
        unsafe { self.remove(node.as_ref()) };
        Some(Popped { node, list: self })
    }

    /// As [`pop`](Self::pop), for one who goes on to take the others: asks for the memory of one further on, before it is needed.
    ///
    /// Each waiter is on a page of its own, and says where the next one is: all of them together are missed one after the other, unless somebody
    /// knows where those further on are ("jump pointers": Luk and Mowry, "Compiler-Based Prefetching for Recursive Data Structures",
    /// ASPLOS 1996).
    pub(crate) fn pop_of_many(&mut self) -> Option<Popped<'_, P>> {
        if let Some(first) = self.head
            // SAFETY: linked, hence alive, and the lock is held.
            && let Some((ahead, ticket)) = unsafe { change_links(first, |links| links.ahead) }
        {
            // Their addresses only: the waiter may be gone.
            prefetch(ahead.as_ptr());
            prefetch(ahead.as_ptr().wrapping_add(1).cast::<u8>().wrapping_sub(1));
            ticket.prefetch();
        }
        self.pop()
    }

    /// Takes the waiter that has waited longest out of the list.
    pub(crate) fn pop(&mut self) -> Option<Popped<'_, P>> {
        let node = self.head?;
        // SAFETY: a linked node is alive, and it is linked into this list.
        unsafe { self.remove(node.as_ref()) };
        Some(Popped { node, list: self })
    }
}

/// # Safety
/// `node` is alive, and its links are the caller's: it is linked, or about to be, and the caller holds the lock.
unsafe fn change_links<P, R>(node: NonNull<Waiter<P>>, change: impl FnOnce(&mut Links<P>) -> R) -> R {
    // SAFETY: the caller's promise.
    unsafe { node.as_ref().links.with_mut(|links| change(&mut *links)) }
}

impl<P> fmt::Debug for WaitList<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "no waiters" } else { "waiters" })
    }
}

/// A waiter taken out of its list and not claimed yet. The borrow of the list keeps its lock held.
pub(crate) struct Popped<'list, P> {
    node: NonNull<Waiter<P>>,
    list: &'list mut WaitList<P>,
}

impl<P> Popped<'_, P> {
    pub(crate) fn payload(&mut self) -> &mut P {
        // SAFETY: an unclaimed waiter takes the lock before its frame ends, and the lock is held for as long as `self`
        // lives; the payload of an unclaimed waiter belongs to the holder of the lock.
        unsafe { &mut *self.node.as_ref().payload.with_mut(|payload| payload) }
    }

    pub(crate) fn ticket(&self) -> Ticket {
        // SAFETY: alive until the claim, as in `payload`; the ticket never changes.
        unsafe { self.node.as_ref() }.ticket
    }

    /// Where the waiter is. Whether it may be touched there is for the caller to know.
    pub(crate) fn node(&self) -> NonNull<Waiter<P>> {
        self.node
    }

    /// Back to the front of the list.
    pub(crate) fn put_back(self) {
        // SAFETY: it was in this list until a moment ago, and the lock was held since: what was promised then still holds.
        unsafe { self.list.push_front(self.node.as_ref()) }
    }

    /// Claims the waiter, which from then on owns its node again. `Err`: it has left (deadline, other case of its
    /// `select`, runtime stopped), and whatever was put into its payload must be taken back.
    pub(crate) fn claim(self) -> Result<Woken, Self> {
        // SAFETY: alive until the claim, as in `payload`.
        let node = unsafe { self.node.as_ref() };
        // SAFETY: as the payload, it belongs to the holder of the lock until the claim.
        node.served.with_mut(|served| unsafe { *served = true });
        // Copied out of the node: it may be gone the moment the claim is made.
        let ticket = node.ticket;
        match ticket.claim() {
            Some(woken) => Ok(woken),
            None => {
                // SAFETY: not claimed by us: the waiter takes the lock before it looks, or ends.
                node.served.with_mut(|served| unsafe { *served = false });
                Err(self)
            }
        }
    }
}

/// Runs its closure when dropped: how a waiter leaves its list on every path but the claimed one, panics included.
pub(crate) struct OnLeave<F: FnMut()>(F);

impl<F: FnMut()> OnLeave<F> {
    pub(crate) fn new(leave: F) -> Self {
        OnLeave(leave)
    }

    /// The waiter was claimed: its node is in no list and there is nothing to leave.
    pub(crate) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl<F: FnMut()> Drop for OnLeave<F> {
    fn drop(&mut self) {
        #[cfg(loom)]
        if crate::base::fault::failed() {
            return;
        }
        (self.0)();
    }
}

#[cfg(all(test, not(loom)))]
#[path = "waiters_tests.rs"]
mod tests;
