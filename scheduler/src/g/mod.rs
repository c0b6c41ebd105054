//! G: the goroutine.
//!
//! A G is memory of fixed type that is never given back (`slab`), so that tickets, the monitor and the dump may look at any G at any time:
//! what they read may be stale, it is never dangling. Everything they read is atomic; everything else lies in [`Own`] and belongs to one
//! thread at a time: to whoever allocated it until it is queued, then to the M that took it from a queue, then to the goroutine itself
//! while it runs.

pub(crate) mod body;
pub(crate) mod children;
pub(crate) mod completion;
pub(crate) mod context;
pub(crate) mod slab;
pub(crate) mod state;

use crate::injector::Linked;
use crate::m::M;
use crate::park::{Reason, Ticket, Waiter};
use crate::prefetch::prefetch;
use crate::runtime::Scheduler;
use crate::scope::Scope;
use body::{Room, Table};
use completion::Completion;
use context::{Context, Frame};
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::*};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// In `locks`: it was spawned with a thread of its own, and does not lose it.
const FOR_LIFE: u32 = u32::MAX;
const MOST_LOCKS: u32 = FOR_LIFE - 1;

/// Who joins a goroutine.
#[derive(Debug)]
pub(crate) enum Joiner {
    Parked(Ticket),
    Task(Waker),
}

impl Joiner {
    pub(crate) fn wake(self) {
        match self {
            Joiner::Parked(ticket) => {
                ticket.wake();
            }
            Joiner::Task(waker) => waker.wake(),
        }
    }
}

/// See the module's documentation. In this order, and on three cache lines of its own: what every switch touches comes first.
///
/// A parked goroutine costs its page of stack, its share of the page tables, and this. So nothing lies here that is of use only while there
/// is a stack: that lies at the head of the stack ([`Frame`]), in the page which is in use then anyway; nor what few have: the name.
#[repr(C, align(64))]
pub(crate) struct G {
    /// First, so that a ticket's pointer to a waiter can be one to its goroutine. In its spare bytes: why it waits; whether it has, or had,
    /// a stack; whether its last announced call took long; how often it has locked its thread, or [`FOR_LIFE`], when its home runs nothing
    /// else (written by who spawns it, then by itself).
    waiter: Waiter,
    link: AtomicPtr<G>,
    /// The M whose thread this goroutine may not leave: in bound mode since it started, and a locked one's own. Null: any.
    home: AtomicPtr<M>,
    scheduler: AtomicPtr<Scheduler>,
    /// When the present wait began, or when it was made runnable; nanoseconds of `limits::clock`, 0: unknown.
    since: AtomicU64,
    /// The line that began its last wait; beside what is written with it.
    waits_at: AtomicPtr<Location<'static>>,
    /// In KiB.
    stack_size: AtomicU32,
    /// It has a name: whoever frees the memory looks here first.
    named: AtomicBool,
    own: UnsafeCell<Own>,
    pub(crate) completion: Completion<Joiner>,
    id: AtomicU64,
    spawned_at: AtomicPtr<Location<'static>>,
    /// Null until the first goroutine in this memory has a name, and from then on as lasting as the memory: the dump and the overflow
    /// message may look at any time. Made by who spawns that one.
    name: AtomicPtr<Name>,
}

type Name = Mutex<Option<Arc<str>>>;

/// A closure on the stack of a goroutine that waits, for whoever finds that it never goes on.
pub(crate) type Undo = NonNull<dyn Fn()>;

// What a switch touches fills the first line and begins the second, with `own`; with the third it is over.
#[cfg(all(target_pointer_width = "64", not(loom)))]
const _: () = assert!(std::mem::offset_of!(G, own) == 64 && size_of::<G>() == 192);

/// What only the present owner of the goroutine may touch.
#[repr(C)]
pub(crate) struct Own {
    pub(crate) context: Option<Context>,
    pub(crate) table: Option<&'static Table>,
    /// The scope it belongs to, or null. Told by the goroutine, or by who ends it unrun, when it is over.
    pub(crate) scope: *const Scope,
    pub(crate) room: Room,
}

// SAFETY: all but `own` is atomic or locked; `own` is reached through `G::own`, whose callers own the goroutine.
unsafe impl Sync for G {}
// SAFETY: a G is reached by shared reference only; a closure or result in its room is Send, as `spawn` demands.
unsafe impl Send for G {}

impl Linked for G {
    fn link(&self) -> &AtomicPtr<Self> {
        &self.link
    }
}

/// What a goroutine is spawned with.
#[derive(Debug, Clone)]
pub struct SpawnOptions {
    /// Shown by the dump and the overflow message.
    pub name: Option<Arc<str>>,
    /// Bytes; none: the runtime's default.
    pub stack_size: Option<usize>,
    /// A thread of its own for life.
    pub locked: bool,
    /// The line that spawned it.
    pub spawned_at: &'static Location<'static>,
}

impl SpawnOptions {
    /// Nothing special, spawned by the caller's caller.
    #[track_caller]
    pub fn new() -> SpawnOptions {
        SpawnOptions { name: None, stack_size: None, locked: false, spawned_at: Location::caller() }
    }
}

impl Default for SpawnOptions {
    #[track_caller]
    fn default() -> Self {
        SpawnOptions::new()
    }
}

impl G {
    fn new() -> G {
        G {
            waiter: Waiter::goroutine(),
            link: AtomicPtr::new(ptr::null_mut()),
            id: AtomicU64::new(0),
            scheduler: AtomicPtr::new(ptr::null_mut()),
            home: AtomicPtr::new(ptr::null_mut()),
            spawned_at: AtomicPtr::new(ptr::null_mut()),
            since: AtomicU64::new(0),
            waits_at: AtomicPtr::new(ptr::null_mut()),
            stack_size: AtomicU32::new(0),
            named: AtomicBool::new(false),
            name: AtomicPtr::new(ptr::null_mut()),
            completion: Completion::new(),
            own: UnsafeCell::new(Own { context: None, table: None, scope: ptr::null(), room: Room::new() }),
        }
    }

    #[inline]
    pub(crate) fn state(&self) -> &state::State {
        self.waiter.state()
    }

    pub(crate) fn id(&self) -> u64 {
        self.id.load(Relaxed)
    }

    /// The runtime it belongs to. Only for goroutines that are not free.
    pub(crate) fn scheduler(&self) -> &'static Scheduler {
        let scheduler = self.scheduler.load(Relaxed);
        debug_assert!(!scheduler.is_null());
        // SAFETY: set at allocation; schedulers are never freed.
        unsafe { &*scheduler }
    }

    pub(crate) fn belongs_to(&self, scheduler: &Scheduler) -> bool {
        ptr::eq(self.scheduler.load(Relaxed), scheduler)
    }

    pub(crate) fn home(&self) -> Option<&'static M> {
        // SAFETY: Ms are never freed.
        unsafe { self.home.load(Relaxed).as_ref() }
    }

    pub(crate) fn set_home(&self, m: &'static M) {
        self.home.store(ptr::from_ref(m).cast_mut(), Relaxed);
    }

    pub(crate) fn clear_home(&self) {
        self.home.store(ptr::null_mut(), Relaxed);
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.waiter.locks.load(Relaxed) > 0
    }

    /// One lock more. None: it has as many as it can have. Some(true): it is the first.
    pub(crate) fn add_lock(&self) -> Option<bool> {
        match self.waiter.locks.load(Relaxed) {
            FOR_LIFE => Some(false),
            MOST_LOCKS => None,
            locks => {
                self.waiter.locks.store(locks + 1, Relaxed);
                Some(locks == 0)
            }
        }
    }

    /// One lock less, if there is one. True: it was the last.
    pub(crate) fn remove_lock(&self) -> bool {
        match self.waiter.locks.load(Relaxed) {
            0 | FOR_LIFE => false,
            locks => {
                self.waiter.locks.store(locks - 1, Relaxed);
                locks == 1
            }
        }
    }

    pub(crate) fn spawned_at(&self) -> Option<&'static Location<'static>> {
        // SAFETY: null or a `&'static Location`.
        unsafe { self.spawned_at.load(Relaxed).as_ref() }
    }

    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.name_place()?.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn name_place(&self) -> Option<&'static Name> {
        // SAFETY: null, or leaked by `set_name`, which released it.
        unsafe { self.name.load(Acquire).as_ref() }
    }

    /// As `name`, for a signal handler: never waits, allocates nothing, gives the name to `with`.
    pub(crate) fn with_name_in_a_signal_handler(&self, with: impl FnOnce(&str)) {
        if let Some(name) = self.name_place()
            && let Ok(name) = name.try_lock()
            && let Some(name) = name.as_deref()
        {
            with(name);
        }
    }

    pub(crate) fn stack_size(&self) -> usize {
        self.stack_size.load(Relaxed) as usize * 1024
    }

    pub(crate) fn note_wait(&self, reason: Reason, since: u64) {
        self.note_reason(reason);
        self.note_since(since);
    }

    /// It is about to wait for this: its own thread's doing.
    #[inline]
    pub(crate) fn note_reason(&self, reason: Reason) {
        self.waiter.reason.store(reason as u8, Relaxed);
    }

    #[inline]
    pub(crate) fn note_since(&self, since: u64) {
        self.since.store(since, Relaxed);
    }

    /// It is about to wait, says this line: its own thread's doing.
    #[inline]
    pub(crate) fn note_waits_at(&self, at: &'static Location<'static>) {
        self.waits_at.store(ptr::from_ref(at).cast_mut(), Relaxed);
    }

    pub(crate) fn waits_at(&self) -> Option<&'static Location<'static>> {
        // SAFETY: null or a `&'static Location`.
        unsafe { self.waits_at.load(Relaxed).as_ref() }
    }

    pub(crate) fn reason(&self) -> Reason {
        Reason::from_u8(self.waiter.reason.load(Relaxed))
    }

    pub(crate) fn since(&self) -> u64 {
        self.since.load(Relaxed)
    }

    pub(crate) fn started(&self) -> bool {
        self.waiter.started.load(Relaxed)
    }

    pub(crate) fn mark_started(&self) {
        self.waiter.started.store(true, Relaxed);
    }

    pub(crate) fn calls_last(&self) -> bool {
        self.waiter.calls_last.load(Relaxed)
    }

    pub(crate) fn set_calls_last(&self, last: bool) {
        self.waiter.calls_last.store(last, Relaxed);
    }

    /// What belongs to the owner.
    ///
    /// # Safety
    /// The caller owns the goroutine, as the module's documentation says, and lets go of the pointer's target before it hands it on.
    #[inline]
    pub(crate) unsafe fn own(&self) -> *mut Own {
        self.own.get()
    }

    /// Asks for the lines that its turn touches, but the first.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(self.own.get());
        prefetch(&raw const self.completion);
    }

    /// Asks for the head of its stack, if it has one.
    ///
    /// # Safety
    /// That of `own`.
    #[inline]
    pub(crate) unsafe fn prefetch_head(&self) {
        // SAFETY: the caller's promise.
        let frame = unsafe { self.frame() };
        if !frame.is_null() {
            context::prefetch_head(frame);
        }
    }

    /// Asks for the frames on its stack, if it has one.
    ///
    /// # Safety
    /// That of `own`.
    #[inline]
    pub(crate) unsafe fn prefetch_frames(&self) {
        // SAFETY: the caller's promise.
        let frame = unsafe { self.frame() };
        if !frame.is_null() {
            // SAFETY: it belongs to the goroutine, and so to the caller.
            unsafe { context::prefetch_frames(frame) };
        }
    }

    /// What lies at the head of its stack; null: it has none.
    ///
    /// # Safety
    /// That of `own`.
    #[inline]
    pub(crate) unsafe fn frame(&self) -> *mut Frame {
        // SAFETY: the caller owns the goroutine, and who runs it writes this field before and after only.
        unsafe { &(*self.own()).context }.as_ref().map_or(ptr::null_mut(), Context::frame)
    }

    /// Makes a new goroutine of free memory that is the caller's alone.
    pub(crate) fn set_up(&'static self, scheduler: &'static Scheduler, id: u64, options: &SpawnOptions) {
        self.state().allocate();
        self.id.store(id, Relaxed);
        self.scheduler.store(ptr::from_ref(scheduler).cast_mut(), Relaxed);
        self.home.store(ptr::null_mut(), Relaxed);
        self.spawned_at.store(ptr::from_ref(options.spawned_at).cast_mut(), Relaxed);
        self.waiter.locks.store(if options.locked { FOR_LIFE } else { 0 }, Relaxed);
        self.waiter.started.store(false, Relaxed);
        self.waiter.calls_last.store(false, Relaxed);
        self.waiter.reason.store(Reason::Other as u8, Relaxed);
        self.since.store(0, Relaxed);
        let size = options.stack_size.unwrap_or(scheduler.config().stack_size);
        self.stack_size.store(u32::try_from(size.div_ceil(1024)).unwrap_or(u32::MAX), Relaxed);
        self.completion.reset();
        if options.name.is_some() {
            self.set_name(options.name.clone());
        }
    }

    #[cold]
    fn set_name(&self, name: Option<Arc<str>>) {
        self.named.store(name.is_some(), Relaxed);
        // The caller has the memory to himself: nobody else makes a place.
        let place = self.name_place().unwrap_or_else(|| {
            let place = Box::into_raw(Box::<Name>::default());
            self.name.store(place, Release);
            // SAFETY: leaked just now, and shared from here on.
            unsafe { &*place }
        });
        let before = std::mem::replace(&mut *place.lock().unwrap_or_else(PoisonError::into_inner), name);
        drop(before);
    }

    /// Forgets what a finished goroutine left, before its memory goes back to the slab.
    fn tear_down(&self) {
        self.state().free();
        // Nobody sets one but `set_up`.
        if self.named.load(Relaxed) {
            self.set_name(None);
        }
    }
}

impl fmt::Debug for G {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "G{} {:?} {:?}", self.id(), self.state(), self.completion)
    }
}
