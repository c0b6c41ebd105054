//! How many goroutines fit.

use threadle::{Builder, GoBuilder, num_goroutines, yield_now};
use threadle_tests::{Mode, child, scenario, system};

/// KiB of resident memory and page tables for a parked goroutine: a page of its stack, page tables, itself (docs/decisions/0027).
const KIB_EACH: f64 = 4.95;

/// In a debug build a goroutine's stack is four times as large and its frames are deep: there the number is smaller, and memory is not judged.
const MANY: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };

/// What a million of them may take, and something for everybody else, in KiB.
const ROOM: u64 = 8 << 20;

fn report(mode: Mode) {
    let footprint = scenario::park_many(mode, MANY);
    println!("kib_each {}\nmappings {}", footprint.kib_each, footprint.mappings);
    println!("parked {}\nstackless {}", footprint.parked, footprint.stackless);
    if let Some(complaint) = footprint.complaint {
        eprintln!("the first without a stack said: {complaint}");
    }
}

#[test]
fn million_parked() {
    if !system::has_cheap_guards().expect("/proc is there") {
        println!("SKIPPED: before Linux 6.13 a guard page is a mapping of its own, and a million do not fit");
        return;
    }
    let available = system::machine_kib("MemAvailable").expect("/proc is there");
    if !cfg!(debug_assertions) && available < ROOM {
        println!("SKIPPED: a million goroutines want {ROOM} KiB, {available} KiB are available");
        return;
    }
    child::in_children(
        "million_parked",
        |_| {},
        report,
        |mode, end| {
            let (kib, mappings) = (end.succeeded().number("kib_each"), end.number("mappings"));
            println!("{mode}: {MANY} parked, {kib:.2} KiB each, {mappings} mappings");
            assert_eq!(end.number("parked"), MANY as f64);
            assert!(mappings < 1000.0, "{mode}: {mappings} mappings");
            if cfg!(debug_assertions) {
                println!("SKIPPED: the bound of {KIB_EACH} KiB each holds in release mode");
            } else {
                assert!(kib <= KIB_EACH, "{mode}: {kib} KiB each");
            }
        },
    );
}

/// The same program where a guard page is a mapping of its own: those that find no room are told which limit it was.
#[test]
fn no_stack_under_mprotect() {
    let allowed = system::allowed_mappings().expect("/proc is there");
    if !(30_000..2 * MANY).contains(&allowed) {
        println!(
            "SKIPPED: with {allowed} mappings allowed, {MANY} goroutines do not run into the limit, or nearly all do"
        );
        return;
    }
    child::in_children(
        "no_stack_under_mprotect",
        |command| {
            command.env("THREADLE_STACK_GUARD", "mprotect");
        },
        report,
        |mode, end| {
            let (parked, stackless) = (end.succeeded().number("parked"), end.number("stackless"));
            println!("{mode}: {parked} parked, {stackless} had no stack");
            assert_eq!(parked + stackless, MANY as f64, "{mode}: somebody is missing");
            assert!(stackless > 0.0, "{mode}: every one got a stack, whatever vm.max_map_count is");
            assert!(parked > 10_000.0, "{mode}: only {parked} got a stack");
            end.complained_of("vm.max_map_count");
        },
    );
}

/// What never ran is said on stderr if nobody joins it, as a panic is: who, spawned where, which limit, what to do.
#[test]
fn what_never_ran_and_nobody_joins_is_reported() {
    child::in_children(
        "what_never_ran_and_nobody_joins_is_reported",
        |_| {},
        |mode| {
            mode.run(Builder::new(), || {
                let giant = |name: &str| GoBuilder::new().name(name).stack_size(1 << 50).go(|| ());
                println!("line {}", line!() - 1);
                drop(giant("dropped"));
                let (late, joined) = (giant("dropped late"), giant("joined"));
                assert!(joined.join().expect_err("there is no such stack").is_no_stack());
                while !late.is_finished() {
                    yield_now();
                }
                drop(late);
                while num_goroutines() > 1 {
                    yield_now();
                }
            });
        },
        |mode, end| {
            let site = format!("spawned at {}:{}:", file!(), end.succeeded().number("line"));
            println!("{mode}: {site}");
            for name in ["\"dropped\"", "\"dropped late\""] {
                end.complained_of(&format!("{name}, {site}"));
            }
            end.kept_quiet_about("\"joined\"");
            end.complained_of("is larger than the largest there is").complained_of("JoinError::is_no_stack");
        },
    );
}
