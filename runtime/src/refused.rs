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
    GoBuilderBorrows ",E0597": "threadle::run(|| { let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "threadle::GoBuilder::new().go(move || drop(text.len())); });";
    GoBuilderCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::GoBuilder::new().locked().go(move || drop(value)); });";
    GoBuilderReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "threadle::GoBuilder::new().go(|| Rc::new(1));", taken "threadle::GoBuilder::new().go(|| Arc::new(1));", "});";
    WaitGroupCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::sync::WaitGroup::new().go(move || drop(value)); });";
    WaitGroupReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let group = threadle::sync::WaitGroup::new();",
        refused "group.go(|| Rc::new(1));", taken "group.go(|| Arc::new(1));", "});";
    WaitGroupBorrows ",E0597": "threadle::run(|| { let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "threadle::sync::WaitGroup::new().go(move || drop(text.len())); });";
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
    MigratingReturns ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "unsafe { threadle::run_migrating(|| Rc::new(1)) };", taken "unsafe { threadle::run_migrating(|| Arc::new(1)) };", "";
    BuilderMigratingIsUnsafe ",E0133": "let builder = threadle::Builder::new();",
        refused "drop(builder.run_migrating(|| ()));", taken "drop(unsafe { builder.run_migrating(|| ()) });", "";
    BuilderMigratingCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "drop(unsafe { threadle::Builder::new().run_migrating(|| drop(value.clone())) });";
    BuilderMigratingReturns ",E0277": "use std::{rc::Rc, sync::Arc}; let builder = threadle::Builder::new();",
        refused "drop(unsafe { builder.run_migrating(|| Rc::new(1)) });",
        taken "drop(unsafe { builder.run_migrating(|| Arc::new(1)) });", "";
    TestRunCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::testing::Run::new().run(|| drop(value.clone()));";
    TestRunReturns ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "threadle::testing::Run::new().run(|| Rc::new(1));", taken "threadle::testing::Run::new().run(|| Arc::new(1));", "";
    TestRunMigratingIsUnsafe ",E0133": "let run = threadle::testing::Run::new();",
        refused "run.run_migrating(|| ());", taken "unsafe { run.run_migrating(|| ()) };", "";
    TestRunMigratingReturns ",E0277": "use std::{rc::Rc, sync::Arc}; let run = threadle::testing::Run::new();",
        refused "unsafe { run.run_migrating(|| Rc::new(1)) };", taken "unsafe { run.run_migrating(|| Arc::new(1)) };", "";
    BothModesIsUnsafe ",E0133": "",
        refused "threadle::testing::both_modes(|_| ());", taken "unsafe { threadle::testing::both_modes(|_| ()) };", "";
    BothModesShares ",E0277": "use std::cell::Cell; use std::sync::atomic::AtomicU8;",
        refused "let value = Cell::new(1);", taken "let value = AtomicU8::new(1);",
        "unsafe { threadle::testing::both_modes(|_| drop(&value)) };";
    VirtualTimeCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::testing::virtual_time(move || drop(value.clone()));";
    VirtualTimeReturns ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "threadle::testing::virtual_time(|| Rc::new(1));", taken "threadle::testing::virtual_time(|| Arc::new(1));", "";
    VirtualTimeBorrows ",E0597": "let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();", "threadle::testing::virtual_time(move || drop(text.len()));";
    VirtualTimeMigratingIsUnsafe ",E0133": "let run = threadle::testing::Run::new();",
        refused "run.virtual_time_migrating(|| ());", taken "unsafe { run.virtual_time_migrating(|| ()) };", "";
    NoLeaksCaptures ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::testing::assert_no_leaks(|| drop(value.clone()));";
    NoLeaksReturns ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "threadle::testing::assert_no_leaks(|| Rc::new(1));", taken "threadle::testing::assert_no_leaks(|| Arc::new(1));", "";
    PreExecIsUnsafe ",E0133": "let mut command = threadle::process::Command::new(\"true\");",
        refused "command.pre_exec(|| Ok(()));", taken "unsafe { command.pre_exec(|| Ok(())) };", "";
    PreExecCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; let mut command = threadle::process::Command::new(\"true\");",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "unsafe { command.pre_exec(move || { drop(value.clone()); Ok(()) }) };";
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
    MappedGuardGivesToAnother ",E0277": "use std::rc::Rc; use std::sync::Arc; use threadle::sync::{Mutex, MutexGuard}; fn sends<T: Send>(_: T) {}",
        refused "let mutex = Mutex::new((Rc::new(1), 2));", taken "let mutex = Mutex::new((Arc::new(1), 2));",
        "sends(MutexGuard::map(mutex.lock(), |both| &mut both.0));";
    MappedGuardLendsToAnother ",E0277": "use std::cell::Cell; use threadle::sync::{Mutex, MutexGuard}; fn shares<T: Sync>(_: &T) {}",
        refused "let mutex = Mutex::new((Cell::new(1), 2));", taken "let mutex = Mutex::new((1, 2));",
        "shares(&MutexGuard::map(mutex.lock(), |both| &mut both.0));";
    MappedReadGuardLendsToAnother ",E0277": "use std::cell::Cell; use threadle::sync::{RwLock, RwLockReadGuard}; fn sends<T: Send>(_: T) {}",
        refused "let lock = RwLock::new((Cell::new(1), 2));", taken "let lock = RwLock::new((1, 2));",
        "sends(RwLockReadGuard::map(lock.read(), |both| &both.0));";
    ReadGuardIsShared ",E0277": "use std::cell::Cell; use threadle::sync::RwLock; fn shares<T: Sync>(_: &T) {}",
        refused "let lock = RwLock::new(Cell::new(1));", taken "let lock = RwLock::new(1);", "shares(&lock.read());";
    MappedWriteGuardGivesToAnother ",E0277": "use std::rc::Rc; use std::sync::Arc; use threadle::sync::{RwLock, RwLockWriteGuard}; fn sends<T: Send>(_: T) {}",
        refused "let lock = RwLock::new((Rc::new(1), 2));", taken "let lock = RwLock::new((Arc::new(1), 2));",
        "sends(RwLockWriteGuard::map(lock.write(), |both| &mut both.0));";
    MappedWriteGuardLendsToAnother ",E0277": "use std::cell::Cell; use threadle::sync::{RwLock, RwLockWriteGuard}; fn shares<T: Sync>(_: &T) {}",
        refused "let lock = RwLock::new((Cell::new(1), 2));", taken "let lock = RwLock::new((1, 2));",
        "shares(&RwLockWriteGuard::map(lock.write(), |both| &mut both.0));";
    WriteGuardIsShared ",E0277": "use std::cell::Cell; use threadle::sync::RwLock; fn shares<T: Sync>(_: &T) {}",
        refused "let lock = RwLock::new(Cell::new(1));", taken "let lock = RwLock::new(1);", "shares(&lock.write());";
    RwLockOfWhatIsNotSend ",E0277": "use std::{rc::Rc, sync::Arc}; use threadle::sync::RwLock; fn sends<T: Send>(_: T) {}",
        refused "sends(RwLock::new(Rc::new(1)));", taken "sends(RwLock::new(Arc::new(1)));", "";
    OnceLockOfWhatIsNotSend ",E0277": "use std::{rc::Rc, sync::Arc}; use threadle::sync::OnceLock; fn sends<T: Send>(_: T) {}",
        refused "sends(OnceLock::<Rc<u8>>::new());", taken "sends(OnceLock::<Arc<u8>>::new());", "";
    OnceLockOfWhatIsNotSync ",E0277": "use std::cell::Cell; use threadle::sync::OnceLock; fn shares<T: Sync>(_: &T) {}",
        refused "let once = OnceLock::<Cell<u8>>::new();", taken "let once = OnceLock::<u8>::new();", "shares(&once);";
    AfterFuncCaptures ",E0277": "use std::{rc::Rc, sync::Arc, time::Duration}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::time::Timer::after_func(Duration::ZERO, move || drop(value.clone())); });";
    AfterFuncBorrows ",E0597": "use std::time::Duration; threadle::run(|| { let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "threadle::time::Timer::after_func(Duration::ZERO, move || drop(text.len())); });";
    EveryCaptures ",E0277": "use std::{rc::Rc, sync::Arc, time::Duration}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::time::every(Duration::MAX, move || drop(value.clone())); });";
    EveryBorrows ",E0597": "use std::time::Duration; threadle::run(|| { let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "threadle::time::every(Duration::MAX, move || drop(text.len())); });";
    EveryOnCaptures ",E0277": "use std::{rc::Rc, sync::Arc, time::Duration}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::time::every_on(&pool, Duration::MAX, move || drop(value.clone())); });";
    EveryOnBorrows ",E0597": "use std::time::Duration; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1); let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "threadle::time::every_on(&pool, Duration::MAX, move || drop(text.len())); });";
    EveryOnOverlappingShares ",E0277": "use std::cell::Cell; use std::sync::atomic::AtomicU8; use std::time::Duration; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "let value = Cell::new(1);", taken "let value = AtomicU8::new(1);",
        "threadle::time::every_on_overlapping(&pool, Duration::MAX, move || drop(&value)); });";
    ContextAfterFuncCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::context::Context::background().after_func(move || drop(value.clone())); });";
    ContextAfterFuncBorrows ",E0597": "threadle::run(|| { let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "threadle::context::Context::background().after_func(move || drop(text.len())); });";
    ContextHoldsWhatIsNotSend ",E0277": "use std::{rc::Rc, sync::Arc};",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "threadle::context::Context::background().with_value(value);";
    ContextHoldsWhatIsNotSync ",E0277": "use std::cell::Cell; use std::sync::atomic::AtomicU8;",
        refused "let value = Cell::new(1);", taken "let value = AtomicU8::new(1);",
        "threadle::context::Context::background().with_value(value);";
    ContextEndsWithACauseThatIsNotSync ",E0277": "use std::error::Error; type Unshared = Box<dyn Error + Send>; type Shared = Box<dyn Error + Send + Sync>; let (_context, cancel) = threadle::context::Context::background().with_cancel();",
        refused "let cause: Unshared = \"over\".into();", taken "let cause: Shared = \"over\".into();", "cancel.cancel_with(cause);";
    HandleOfWhatIsNotSend ",E0277": "fn sends<T: Send>() {}",
        refused "sends::<threadle::JoinHandle<std::rc::Rc<u8>>>();", taken "sends::<threadle::JoinHandle<std::sync::Arc<u8>>>();", "";
    PoolJobCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "pool.submit(move || drop(value)).unwrap(); });";
    PoolJobReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "pool.go(|| Rc::new(1)).unwrap();", taken "pool.go(|| Arc::new(1)).unwrap();", "});";
    PoolJobBorrows ",E0597": "threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1); let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "pool.submit(move || drop(text.len())).unwrap(); });";
    PoolTriedJobCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "pool.try_submit(move || drop(value)).unwrap(); });";
    PoolTimedJobCaptures ",E0277": "use std::{rc::Rc, sync::Arc, time::Duration}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1);",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "pool.submit_timeout(move || drop(value), Duration::MAX).unwrap(); });";
    PoolSlotJobCaptures ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1); let slot = pool.reserve().unwrap();",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "slot.submit(move || drop(value)).unwrap(); });";
    PoolSlotJobReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| { let pool = threadle::pool::Pool::new(1, 1); let slot = pool.reserve().unwrap();",
        refused "slot.go(|| Rc::new(1)).unwrap();", taken "slot.go(|| Arc::new(1)).unwrap();", "});";
    JobHandleOfWhatIsNotSend ",E0277": "fn sends<T: Send>() {} type Handle<T> = threadle::pool::JobHandle<T>;",
        refused "sends::<Handle<std::rc::Rc<u8>>>();", taken "sends::<Handle<std::sync::Arc<u8>>>();", "";
    LocalLendsForItsClosureOnly "": "threadle::local!(static NAME: String = String::new());",
        refused "let kept: &String = NAME.with(|name| name);", taken "let kept: String = NAME.with(|name| name.clone());", "drop(kept);";
    LocalIsBorrowedForItsClosureOnly "": "use std::cell::RefCell; threadle::local!(static NAME: RefCell<String> = RefCell::default());",
        refused "let kept: &String = NAME.with_borrow(|name| name);", taken "let kept: String = NAME.with_borrow(|name| name.clone());",
        "drop(kept);";
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
    ScopedBuilderReturns ",E0277": "use std::{rc::Rc, sync::Arc}; threadle::run(|| threadle::scope(|s| {",
        refused "threadle::GoBuilder::new().go_scoped(s, || Rc::new(1));",
        taken "threadle::GoBuilder::new().go_scoped(s, || Arc::new(1));", "}));";
    ScopedBuilderBorrowsFromInside ",E0597": "threadle::run(|| { let outside = String::new(); threadle::scope(|s| {",
        refused "let inside = String::new(); let text = &inside;", taken "let text = &outside;",
        "threadle::GoBuilder::new().go_scoped(s, move || drop(text.len())); }); });";
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
    ScopeIsNoShorterOne "": "use threadle::Scope; fn shorten<'a, 'b: 'a, 'env>(s: &'a Scope<'b, 'env>) ->",
        refused "&'a Scope<'a, 'env>", taken "&'a Scope<'b, 'env>", "{ s }";
    ScopeOfLongerBorrowsIsNoneOfShorterOnes "": "use threadle::Scope; fn shorten<'s, 'a: 's, 'b: 'a>(s: &'s Scope<'s, 'b>) ->",
        refused "&'s Scope<'s, 'a>", taken "&'s Scope<'s, 'b>", "{ s }";
    ScopeOfShorterBorrowsIsNoneOfLongerOnes "": "use threadle::Scope; fn lengthen<'s, 'a: 's, 'b: 'a>(s: &'s Scope<'s, 'a>) ->",
        refused "&'s Scope<'s, 'b>", taken "&'s Scope<'s, 'a>", "{ s }";
}

#[cfg(feature = "hyper")]
cases! {
    ExecutorCaptures "": "use hyper::rt::Executor; use std::{rc::Rc, sync::Arc}; threadle::run(|| {",
        refused "let value = Rc::new(1);", taken "let value = Arc::new(1);",
        "Executor::execute(&threadle::rt::Executor, async move { std::future::ready(()).await; drop(value) }); });";
    ExecutorBorrows ",E0597": "use hyper::rt::Executor; threadle::run(|| { let text = String::new();",
        refused "let text = &text;", taken "let text = text.clone();",
        "Executor::execute(&threadle::rt::Executor, async move { drop(text.len()) }); });";
}
