//! A local's key, in the shape of `std::thread::LocalKey`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::ptr::NonNull;

use threadle_scheduler::{Gone, Local, LocalId, local, put_local};

/// A goroutine-local variable, as declared by [`local!`](crate::local!): the key to the caller's own value.
///
/// No call here switches, but what the initialiser, the closure and the value's own code do.
///
/// # Panics
/// All but [`try_with`](LocalKey::try_with) panic where the caller's value is being dropped, or was: in the Drop of a local, at the end of
/// its goroutine or thread. All panic with the initialiser's panic; the local is then still to be made.
///
/// ```
/// use std::cell::Cell;
/// threadle::local!(static DEPTH: Cell<u32> = Cell::new(0));
/// threadle::run(|| {
///     DEPTH.set(1);
///     assert_eq!(threadle::go(|| DEPTH.get()).join().unwrap(), 0); // each has its own
///     assert_eq!(DEPTH.get(), 1);
/// });
/// ```
pub struct LocalKey<T: 'static> {
    id: LocalId,
    init: fn() -> T,
}

/// A value in its box, and how many `with`s are inside it.
///
/// On a goroutine's own stack every `with` has returned when its values are dropped. But `with` may be called on a stack of somebody else's, a
/// coroutine of the user's, which is left in the middle, outlives the goroutine, and is gone on with in another: by safe code. What is lent
/// to such a one is never dropped.
struct Lent<T> {
    borrows: Cell<usize>,
    value: T,
}

/// One `with`, ended also by a panic, or by the end of the coroutine it is on.
struct Borrow<'a>(&'a Cell<usize>);

impl<T> Lent<T> {
    fn new(value: T) -> NonNull<Lent<T>> {
        NonNull::from(Box::leak(Box::new(Lent { borrows: Cell::new(0), value })))
    }

    /// # Safety
    /// The caller's own value, from its table: nobody ends it before the borrow is counted.
    unsafe fn lend<R>(this: NonNull<Lent<T>>, f: impl FnOnce(&T) -> R) -> R {
        // SAFETY: it is there now, says our caller, and stays while the borrow below is counted.
        let lent = unsafe { this.as_ref() };
        let _borrow = Borrow::new(&lent.borrows);
        f(&lent.value)
    }
}

impl<'a> Borrow<'a> {
    fn new(borrows: &'a Cell<usize>) -> Self {
        // Cannot wrap: each is a frame on some stack.
        borrows.set(borrows.get() + 1);
        Borrow(borrows)
    }
}

impl Drop for Borrow<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The caller's value is being dropped, or was: see [`LocalKey::try_with`].
///
/// ```
/// use std::cell::RefCell;
/// use threadle::{chan, go, local::AccessError};
///
/// threadle::local!(static LAST: RefCell<Option<Last>> = RefCell::new(None));
///
/// struct Last(chan::Sender<Result<(), AccessError>>);
/// impl Drop for Last {
///     fn drop(&mut self) {
///         self.0.send(LAST.try_with(|_| ())).unwrap();
///     }
/// }
///
/// threadle::run(|| {
///     let (sender, told) = chan::bounded(1);
///     go(|| LAST.set(Some(Last(sender)))); // dropped at the goroutine's end
///     assert!(told.recv().unwrap().is_err());
/// });
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> LocalKey<T> {
        LocalKey { id: LocalId::new(), init }
    }

    /// Calls `f` with the caller's value, which is made first if this is its first use.
    ///
    /// `f` may wait: the reference belongs to the goroutine, wherever that goes on.
    ///
    /// # Panics
    /// If the value is being dropped, or was.
    ///
    /// ```
    /// threadle::local!(static BIRTH: std::time::Instant = std::time::Instant::now());
    /// threadle::run(|| BIRTH.with(|birth| {
    ///     threadle::yield_now();
    ///     assert!(*birth <= std::time::Instant::now());
    /// }));
    /// ```
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.value(|| (self.init)()) {
            // SAFETY: it was found, or made, for the caller just now.
            Ok(value) => unsafe { Lent::lend(value, f) },
            Err(error) => gone(error),
        }
    }

    /// As [`with`](LocalKey::with), for code that may run at the end of its goroutine or thread.
    ///
    /// # Errors
    /// If the value is being dropped, or was; `f` is then not called.
    ///
    /// ```
    /// threadle::local!(static NAME: String = "main".into());
    /// assert_eq!(NAME.try_with(String::len), Ok(4));
    /// ```
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let value = self.value(|| (self.init)())?;
        // SAFETY: as in `with`.
        Ok(unsafe { Lent::lend(value, f) })
    }

    /// The caller's value; where there is none yet, the one that `make` gives.
    #[inline]
    fn value(&'static self, make: impl FnOnce() -> T) -> Result<NonNull<Lent<T>>, AccessError> {
        match local(&self.id) {
            Local::Here(value) => Ok(value.cast()),
            Local::Gone => Err(AccessError),
            Local::Absent => self.first(make),
        }
    }

    #[cold]
    fn first(&'static self, make: impl FnOnce() -> T) -> Result<NonNull<Lent<T>>, AccessError> {
        let value = Lent::new(make());
        // SAFETY: a box of this type, given up to the table. If `make` used the local itself, the value that this made comes back, and it is
        // ours but for the `with`s that are inside it still, which `destroy` heeds.
        match unsafe { put_local(&self.id, value.cast(), destroy::<T>) } {
            Ok(None) => {}
            // SAFETY: ours, see above; of this type, as only this key's values have its number.
            Ok(Some(before)) => unsafe { destroy::<T>(before) },
            Err(Gone) => {
                // SAFETY: it was not taken.
                unsafe { destroy::<T>(value.cast()) };
                return Err(AccessError);
            }
        }
        Ok(value)
    }

    /// `f` sees the caller's value, and `first` if that was not needed to make it.
    #[track_caller]
    fn with_first<R>(&'static self, first: T, f: impl FnOnce(Option<T>, &T) -> R) -> R {
        let mut first = Some(first);
        let value = self.value(|| match first.take() {
            Some(first) => first,
            None => (self.init)(),
        });
        match value {
            // SAFETY: as in `with`.
            Ok(value) => unsafe { Lent::lend(value, |value| f(first, value)) },
            Err(error) => gone(error),
        }
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the caller's value. Where this is the first use the initialiser is not called.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// ```
    /// threadle::local!(static LEVEL: std::cell::Cell<u8> = panic!("set it first"));
    /// LEVEL.set(3);
    /// assert_eq!(LEVEL.get(), 3);
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.with_first(Cell::new(value), |value, cell| {
            if let Some(value) = value {
                cell.set(value.into_inner());
            }
        });
    }

    /// A copy of the caller's value.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// ```
    /// threadle::local!(static LEVEL: std::cell::Cell<u8> = std::cell::Cell::new(3));
    /// assert_eq!(LEVEL.get(), 3);
    /// ```
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the caller's value and leaves the default one.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// ```
    /// threadle::local!(static LEVEL: std::cell::Cell<u8> = std::cell::Cell::new(3));
    /// assert_eq!((LEVEL.take(), LEVEL.get()), (3, 0));
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Sets the caller's value and gives the one before.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// ```
    /// threadle::local!(static LEVEL: std::cell::Cell<u8> = std::cell::Cell::new(3));
    /// assert_eq!((LEVEL.replace(4), LEVEL.get()), (3, 4));
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the caller's value borrowed.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with), and if it is borrowed mutably.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// threadle::local!(static WORDS: RefCell<Vec<&'static str>> = RefCell::new(vec!["one"]));
    /// WORDS.with_borrow_mut(|words| words.push("two"));
    /// assert_eq!(WORDS.with_borrow(Vec::len), 2);
    /// assert_eq!(WORDS.replace(vec![]), ["one", "two"]);
    /// ```
    #[track_caller]
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the caller's value borrowed mutably.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with), and if it is borrowed.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// threadle::local!(static WORDS: RefCell<Vec<&'static str>> = RefCell::new(vec![]));
    /// WORDS.with_borrow_mut(|words| words.push("one"));
    /// assert_eq!(WORDS.with_borrow(Vec::len), 1);
    /// ```
    #[track_caller]
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the caller's value. Where this is the first use the initialiser is not called.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with), and if it is borrowed.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// threadle::local!(static WORDS: RefCell<Vec<&'static str>> = panic!("set them first"));
    /// WORDS.set(vec!["one"]);
    /// assert_eq!(WORDS.take(), ["one"]);
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.with_first(RefCell::new(value), |value, cell| {
            if let Some(value) = value {
                drop(cell.replace(value.into_inner()));
            }
        });
    }

    /// Takes the caller's value and leaves the default one.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with), and if it is borrowed.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// threadle::local!(static WORDS: RefCell<Vec<&'static str>> = RefCell::new(vec!["one"]));
    /// assert_eq!(WORDS.take(), ["one"]);
    /// assert!(WORDS.take().is_empty());
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Sets the caller's value and gives the one before.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with), and if it is borrowed.
    ///
    /// ```
    /// use std::cell::RefCell;
    /// threadle::local!(static WORDS: RefCell<Vec<&'static str>> = RefCell::new(vec!["one"]));
    /// assert_eq!(WORDS.replace(vec!["two"]), ["one"]);
    /// assert_eq!(WORDS.take(), ["two"]);
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

/// Drops a value, unless it is lent: then it stays, for good.
///
/// # Safety
/// `value` came from `Lent::<T>::new`, nobody is lent it from here on, and it is the caller's but for the `with`s inside it.
unsafe fn destroy<T>(value: NonNull<()>) {
    let value = value.cast::<Lent<T>>();
    // SAFETY: as demanded; shared, as it is with those who are inside.
    if unsafe { value.as_ref() }.borrows.get() == 0 {
        // SAFETY: as demanded, and nobody is inside.
        drop(unsafe { Box::from_raw(value.as_ptr()) });
    }
}

#[cold]
#[track_caller]
fn gone(error: AccessError) -> ! {
    panic!("{error}")
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a local! is used while or after it is dropped, at the end of its goroutine or thread")
    }
}

impl Error for AccessError {}
