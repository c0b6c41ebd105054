//! Guards are there, wide enough, in either way of making them, and running out of mappings is an error and no more.

use std::os::unix::process::ExitStatusExt;

use corosensei::stack::Stack as _;

use super::super::guard::{self, Guards};
use super::super::size::page_size;
use super::super::{Cache, DEFAULT_SIZE, Stack, take};
use super::{child, is_readable, usable};
use crate::limits::mappings;

const BY_MPROTECT: &[(&str, &str)] = &[("THREADLE_STACK_GUARD", "mprotect")];

fn check_guard(stack: &Stack) {
    let shape = stack.slab.shape();
    let limit = stack.limit().get();
    for offset in (0..shape.guard).step_by(page_size()) {
        assert!(
            !is_readable(limit + offset) && !is_readable(limit + offset + page_size() - 1),
            "{stack:?}: no guard at {offset}"
        );
    }
    for offset in (shape.guard..shape.stride).step_by(page_size()) {
        assert!(is_readable(limit + offset), "{stack:?}: not usable at {offset}");
    }
}

fn check_some_guards() {
    // One alone, so that one of the batches that follow is of two slabs.
    check_guard(&take(64 * 1024).expect("a stack"));
    let mut cache = Cache::new(64 * 1024);
    let stacks: Vec<_> = (0..100).map(|_| cache.take().expect("a stack")).collect();
    stacks.iter().for_each(check_guard);
    let large = take(8 << 20).expect("a stack");
    check_guard(&large);
    usable(&large).fill(1);
}

#[test]
fn every_page_of_a_guard_faults() {
    check_some_guards();
}

#[test]
fn every_page_of_a_guard_faults_by_mprotect() {
    child::expect_success(&child::run(module_path!(), "every_page_of_a_guard_faults_by_mprotect", BY_MPROTECT, || {
        let before = mappings::mapping_count().expect("countable");
        check_some_guards();
        let added = mappings::mapping_count().expect("countable") - before;
        assert!(added >= 200, "101 guards by mprotect are {added} mappings?");
    }));
}

/// The kernel refuses to mark guards in locked memory.
#[test]
fn locked_memory_is_guarded_too() {
    child::expect_success(&child::run(module_path!(), "locked_memory_is_guarded_too", &[], || {
        let mut allowed = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `allowed` is room for the answer; the other takes nothing.
        let is_root = unsafe {
            assert_eq!(libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut allowed), 0);
            libc::geteuid() == 0
        };
        if !is_root && allowed.rlim_cur != libc::RLIM_INFINITY {
            println!("SKIPPED: this user may lock no more than {} bytes", allowed.rlim_cur);
            return;
        }
        // SAFETY: has no preconditions.
        let result = unsafe { libc::mlockall(libc::MCL_FUTURE | libc::MCL_ONFAULT) };
        assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
        let mut cache = Cache::new(64 * 1024);
        let stacks: Vec<_> = (0..20).map(|_| cache.take().expect("a stack")).collect();
        stacks.iter().for_each(check_guard);
    }));
}

/// `count` pages of our own, each `page_size()` bytes.
fn pages(count: usize) -> Vec<*mut u8> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new private mapping at an address of the kernel's choice touches no memory of anybody.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), count * page_size(), prot, flags, -1, 0) };
    assert_ne!(start, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    (0..count).map(|page| start.cast::<u8>().wrapping_add(page * page_size())).collect()
}

/// One range of many is refused: those before it are guarded, and no others. In a process of its own, where nobody maps anything into the hole.
#[test]
fn a_refusal_among_many_guards_is_told_of() {
    child::expect_success(&child::run(module_path!(), "a_refusal_among_many_guards_is_told_of", &[], || {
        let pages = pages(6);
        // SAFETY: it was mapped just now, and nobody has it.
        assert_eq!(unsafe { libc::munmap(pages[3].cast(), page_size()) }, 0);
        let (up, refused) = Guards::new().put_all(&pages, page_size());
        assert_eq!(up, 3);
        let text = refused.expect_err("nothing is mapped there").to_string();
        assert!(text.contains("madvise") || text.contains("mprotect"), "{text}");
        for (number, page) in pages.iter().enumerate() {
            assert_eq!(is_readable(page.addr()), number > 3, "page {number}");
        }
    }));
}

#[test]
fn guards_are_put_up_in_one_call() {
    let pages = pages(16);
    match guard::mark_all(&pages, page_size()) {
        Ok(marked) => assert_eq!(marked, pages.len()),
        Err(error) if guard::is_refusal(&error) => return println!("SKIPPED: process_madvise: {error}"),
        Err(error) => panic!("{error}"),
    }
    assert!(pages.iter().all(|page| !is_readable(page.addr())));
}

/// Or else one by one: the kernel takes no more than 1 024 ranges in a call.
#[test]
fn guards_that_one_call_does_not_take_are_put_up_one_by_one() {
    let test = "guards_that_one_call_does_not_take_are_put_up_one_by_one";
    child::expect_success(&child::run(module_path!(), test, &[], || {
        let pages = pages(1_100);
        assert!(guard::mark_all(&pages, page_size()).is_err());
        let (up, refused) = Guards::new().put_all(&pages, page_size());
        assert_eq!((up, refused), (pages.len(), Ok(())));
        assert!(pages.iter().all(|page| !is_readable(page.addr())));
    }));
}

fn touch_the_guard() {
    let stack = take(DEFAULT_SIZE).expect("a stack");
    let last = stack.slab.bottom(stack.index).wrapping_sub(1);
    // SAFETY: none: this is the fault the test is about.
    unsafe { last.write_volatile(1) };
}

#[test]
fn touching_a_guard_is_a_segmentation_fault() {
    let output = child::run(module_path!(), "touching_a_guard_is_a_segmentation_fault", &[], touch_the_guard);
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", child::stderr(&output));
}

#[test]
fn touching_a_guard_by_mprotect_is_a_segmentation_fault() {
    let output = child::run(
        module_path!(),
        "touching_a_guard_by_mprotect_is_a_segmentation_fault",
        BY_MPROTECT,
        touch_the_guard,
    );
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", child::stderr(&output));
}

/// Takes stacks until there are no more, for as long as the limit lets it.
fn take_all(most: usize) -> Result<Vec<Stack>, (Vec<Stack>, super::super::NoStack)> {
    let mut stacks = Vec::new();
    let mut cache = Cache::new(DEFAULT_SIZE);
    while stacks.len() < most {
        match cache.take() {
            Ok(stack) => stacks.push(stack),
            Err(error) => return Err((stacks, error)),
        }
    }
    Ok(stacks)
}

#[test]
fn the_mapping_limit_is_an_error_that_names_it() {
    child::expect_success(&child::run(
        module_path!(),
        "the_mapping_limit_is_an_error_that_names_it",
        BY_MPROTECT,
        || {
            let limit = mappings::max_map_count();
            // A machine may have the limit raised so far that it cannot be reached in a test; then so many stacks
            // must be possible.
            let most = 60_000;
            let Err((mut stacks, error)) = take_all(most) else {
                assert!(limit > 2 * most, "{most} stacks by mprotect within {limit} mappings?");
                return;
            };
            let text = error.to_string();
            assert!(text.contains("vm.max_map_count") && text.contains(&limit.to_string()), "{text}");
            assert!(stacks.len() >= limit / 5 * 2 - 2_000, "only {} stacks of {limit} mappings", stacks.len());
            let used = mappings::mapping_count().expect("countable");
            assert!(used <= limit / 5 * 4 + 64, "{used} of {limit} mappings");

            // Everybody else goes on.
            std::thread::spawn(|| vec![1_u8; 64 << 20].len()).join().expect("threads and memory are to be had");
            // Of somewhat more or fewer in use, for threads come with mappings, and leave some.
            let text = take(DEFAULT_SIZE).expect_err("still none").to_string();
            assert!(text.contains("vm.max_map_count") && text.contains(&limit.to_string()), "{text}");
            assert!(take(8 << 20).is_err(), "the limit binds all classes together");
            // What is given back can be had again.
            drop(stacks.pop());
            let again = take(DEFAULT_SIZE).expect("one is free");
            check_guard(&again);
        },
    ));
}

#[test]
fn an_exhausted_address_space_is_an_error_that_names_it() {
    child::expect_success(&child::run(
        module_path!(),
        "an_exhausted_address_space_is_an_error_that_names_it",
        &[],
        || {
            drop(take(DEFAULT_SIZE).expect("a stack"));
            let limit = libc::rlimit { rlim_cur: 4 << 30, rlim_max: 4 << 30 };
            // SAFETY: `limit` is valid for the call.
            assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
            let Err((mut stacks, error)) = take_all(100_000) else { panic!("100 000 stacks in 4 GiB") };
            let text = error.to_string();
            assert!(text.contains("mmap") && text.contains("ulimit -v"), "{text}");
            assert!(stacks.len() > (2 << 30) / DEFAULT_SIZE, "only {} stacks in 4 GiB", stacks.len());
            drop(stacks.pop());
            check_guard(&take(DEFAULT_SIZE).expect("one is free"));
        },
    ));
}

#[test]
fn a_hundred_thousand_stacks_are_few_mappings() {
    child::expect_success(&child::run(module_path!(), "a_hundred_thousand_stacks_are_few_mappings", &[], || {
        match take_all(100_000) {
            Ok(stacks) => {
                let count = mappings::mapping_count().expect("countable");
                assert!(count < 100, "{count} mappings");
                [&stacks[0], &stacks[50_000], &stacks[99_999]].into_iter().for_each(check_guard);
            }
            // Before Linux 6.13.
            Err((_, error)) => assert!(error.to_string().contains("vm.max_map_count"), "{error}"),
        }
    }));
}
