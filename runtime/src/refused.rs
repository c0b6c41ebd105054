//! Programs that must not compile: for each bound that soundness rests on, the program that breaks it.
//!
//! They are doctests, each with a twin that differs in one line and is taken. A `compile_fail` test alone also passes when the program is
//! refused for another reason, a method that was renamed, say; with the twin beside it only that one line can be the reason. What the
//! compiler says of it is not compared (as trybuild would): its words change with every version, and the tests would have to follow. The
//! error's code is stable and is stated, but rustdoc compares codes on nightly only; `ci/refused.sh` does that where one is installed.
//!
//! Only rustdoc's test run sees this module.
#![allow(missing_docs, reason = "nobody reads these pages")]

/// `refused`: this line does not compile, with this error code (or with an error that has none). `taken`: in its place this one does.
macro_rules! cases {
    ($($name:ident $code:literal: $before:literal, refused $refused:literal, taken $taken:literal, $after:literal;)*) => {$(
        #[doc = concat!("```compile_fail", $code, "\n", $before, "\n", $refused, "\n", $after, "\n```\n")]
        #[doc = concat!("```no_run\n", $before, "\n", $taken, "\n", $after, "\n```\n")]
        pub struct $name;
    )*};
}

cases! {
    GoCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);", "threadle::go(move || drop(value)); });";
    GoReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "threadle::go(|| Rc::new(1));", taken "threadle::go(|| Arc::new(1));", "});";
    GoBorrows ",E0597": "threadle::run(|| { let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();", "threadle::go(move || drop(text.len())); });";
    GoBuilderCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::GoBuilder::new().locked().go(move || drop(value)); });";
    GoBuilderReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "threadle::GoBuilder::new().go(|| Rc::new(1));", taken "threadle::GoBuilder::new().go(|| Arc::new(1));", "});";
    WaitGroupCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::sync::WaitGroup::new().go(move || drop(value)); });";
    RunCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);", "threadle::run(|| drop(value.clone()));";
    RunReturns ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "threadle::run(|| Rc::new(1));", taken "threadle::run(|| Arc::new(1));", "";
    BuilderRunCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::Builder::new().run(|| drop(value.clone())).unwrap();";
    BuilderRunReturns ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "threadle::Builder::new().run(|| Rc::new(1)).unwrap();",
        taken "threadle::Builder::new().run(|| Arc::new(1)).unwrap();", "";
    MigratingIsUnsafe ",E0133": "",
        refused "threadle::run_migrating(|| ());", taken "unsafe { threadle::run_migrating(|| ()) };", "";
    MigratingCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "unsafe { threadle::run_migrating(|| drop(value.clone())) };";
    BlockingCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);", "threadle::blocking(|| drop(value.clone()));";
    BlockingReturns ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "threadle::blocking(|| Rc::new(1));", taken "threadle::blocking(|| Arc::new(1));", "";
    ChannelOfWhatIsNotSend ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let (send, receive) = threadle::chan::bounded::<Rc<u8>>(1);",
        taken "let (send, receive) = threadle::chan::bounded::<Arc<u8>>(1);",
        "threadle::go(move || drop(send)); drop(receive); });";
    ReceiverOfWhatIsNotSend ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let (send, receive) = threadle::chan::unbounded::<Rc<u8>>();",
        taken "let (send, receive) = threadle::chan::unbounded::<Arc<u8>>();",
        "threadle::go(move || drop(receive)); drop(send); });";
    MutexOfWhatIsNotSend ",E0277": "use std::rc::Rc; use std::sync::Arc; use threadle::sync::Mutex; threadle::run(|| {",
        refused "let mutex = Arc::new(Mutex::new(Rc::new(1)));", taken "let mutex = Arc::new(Mutex::new(Arc::new(1)));",
        "threadle::go(move || drop(mutex.lock().clone())); });";
    GuardOfWhatIsNotSync ",E0277": "use std::cell::Cell; use threadle::sync::Mutex; fn shares<T: Sync>(_: &T) {}",
        refused "let mutex = Mutex::new(Cell::new(1));", taken "let mutex = Mutex::new(1);", "shares(&mutex.lock());";
    RwLockIsSharedWithReaders ",E0277": "use std::cell::Cell; use std::sync::Arc; use threadle::sync::RwLock; threadle::run(|| {",
        refused "let lock = Arc::new(RwLock::new(Cell::new(1)));", taken "let lock = Arc::new(RwLock::new(1));",
        "threadle::go(move || drop(lock)); });";
    ReadGuardLendsToAnother ",E0277": "use std::cell::Cell; use threadle::sync::RwLock; fn sends<T: Send>(_: T) {}",
        refused "let lock = RwLock::new(Cell::new(1));", taken "let lock = RwLock::new(1);", "sends(lock.read());";
    WriteGuardGivesToAnother ",E0277": "use std::rc::Rc; use std::sync::Arc; use threadle::sync::RwLock; fn sends<T: Send>(_: T) {}",
        refused "let lock = RwLock::new(Rc::new(1));", taken "let lock = RwLock::new(Arc::new(1));", "sends(lock.write());";
    MutexGuardGivesToAnother ",E0277": "use std::rc::Rc; use std::sync::Arc; use threadle::sync::Mutex; fn sends<T: Send>(_: T) {}",
        refused "let mutex = Mutex::new(Rc::new(1));", taken "let mutex = Mutex::new(Arc::new(1));", "sends(mutex.lock());";
    OnceLockOfWhatIsNotSync ",E0277": "use std::cell::Cell; use threadle::sync::OnceLock; fn shares<T: Sync>(_: &T) {}",
        refused "let once = OnceLock::<Cell<u8>>::new();", taken "let once = OnceLock::<u8>::new();", "shares(&once);";
    AfterFuncCaptures ",E0277": "use std::{rc::Rc, sync::Arc, time::Duration}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::time::Timer::after_func(Duration::ZERO, move || drop(value.clone())); });";
    EveryCaptures ",E0277": "use std::{rc::Rc, sync::Arc, time::Duration}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::time::every(Duration::MAX, move || drop(value.clone())); });";
    ContextAfterFuncCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::context::Context::background().after_func(move || drop(value.clone())); });";
    HandleOfWhatIsNotSend ",E0277": "fn sends<T: Send>() {}",
        refused "sends::<threadle::JoinHandle<std::rc::Rc<u8>>>();", taken "sends::<threadle::JoinHandle<std::sync::Arc<u8>>>();", "";
    PoolJobCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "pool.submit(move || drop(value)).unwrap(); });";
    PoolJobReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "pool.go(|| Rc::new(1)).unwrap();", taken "pool.go(|| Arc::new(1)).unwrap();", "});";
    ParkingStaysWithItsGoroutine ",E0277": "fn sends<T: Send>(_: T) {}",
        refused "sends(threadle_scheduler::Parking::open(threadle_scheduler::Reason::Other));",
        taken "sends(threadle_scheduler::Parking::open(threadle_scheduler::Reason::Other).ticket());", "";

    ScopeCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::scope(|s| drop(s.go(|| drop(value.clone())))); });";
    ScopeReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| threadle::scope(|s| {",
        refused "s.go(|| Rc::new(1));", taken "s.go(|| Arc::new(1));", "}));";
    ScopeSharesWhatIsNotSync ",E0277": "use std::cell::Cell; use std::sync::atomic::AtomicU8; threadle::run(|| {",
        refused "let value = Cell::new(1);", taken "let value = AtomicU8::new(1);",
        "threadle::scope(|s| drop(s.go(|| drop(&value)))); });";
    ScopedBuilderCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::scope(|s| drop(threadle::GoBuilder::new().go_scoped(s, || drop(value.clone())))); });";
    ScopeOfAHandleThatIsNotSend ",E0277": "fn sends<T: Send>() {} type Handle<T> = threadle::ScopedJoinHandle<'static, T>;",
        refused "sends::<Handle<std::rc::Rc<u8>>>();", taken "sends::<Handle<std::sync::Arc<u8>>>();", "";

    ScopeBorrowsFromInside ",E0597": "threadle::run(|| { let outside = String::new(); threadle::scope(|s| {",
        refused "let inside = String::new(); let text = &inside;", taken "let text = &outside;",
        "s.go(move || drop(text.len())); }); });";
    ScopeBorrowsItsOwnVariable ",E0373": "threadle::run(|| threadle::scope(|s| { let number = 1;",
        refused "s.go(|| number + 1);", taken "s.go(move || number + 1);", "}));";
    ScopeLendsForWritingTwice ",E0499": "threadle::run(|| { let (mut one, mut two) = (1, 2); threadle::scope(|s| {",
        refused "s.go(|| one += 1); s.go(|| one += 1);", taken "s.go(|| one += 1); s.go(|| two += 1);", "}); drop((one, two)); });";
    ScopeIsReadWhileItIsWritten ",E0503": "threadle::run(|| { let (mut one, two) = (1, 2); threadle::scope(|s| { s.go(|| one += 1);",
        refused "assert!(one > 0);", taken "assert!(two > 0);", "}); drop(one + two); });";
    ScopeMovesWhatIsLent ",E0505": "threadle::run(|| { let text = String::new(); threadle::scope(|s| { s.go(|| text.len());",
        refused "drop(text);", taken "drop(&text);", "}); });";
    HandleLeavesItsScope "": "threadle::run(|| {",
        refused "let handle = threadle::scope(|s| s.go(|| 1));", taken "let handle = threadle::scope(|s| s.go(|| 1).join());",
        "drop(handle); });";
    ScopeLeavesItself "": "threadle::run(|| {",
        refused "let s = threadle::scope(|s| s);", taken "let s = threadle::scope(|_| ());", "drop(s); });";
    HandleIsLeftOutside ",E0521": "threadle::run(|| { let mut kept = None; threadle::scope(|s| {",
        refused "kept = Some(s.go(|| 1));", taken "kept = Some(s.go(|| 1).join());", "}); drop(kept); });";
    ScopeGoesToAGoroutineOfItsOwn ",E0521": "threadle::run(|| threadle::scope(|s| {",
        refused "threadle::go(move || drop(s.go(|| 1)));", taken "s.go(move || drop(s.go(|| 1)));", "}));";
}
