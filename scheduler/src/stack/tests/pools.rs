//! Taking, giving back, and giving memory back to the kernel.

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

use corosensei::stack::Stack as _;

use super::super::size::page_size;
use super::super::{Cache, DEFAULT_SIZE, HEAD, HEAD_ALIGN, Stack, give_back, take, trim};
use super::{address, child, usable};

const SECOND: u64 = 1_000_000_000;

#[test]
fn sizes_addresses_and_alignment() {
    for wanted in [0, 1, 20_000, 32 * 1024, 100_000, DEFAULT_SIZE, 5_000_000] {
        let stack = take(wanted).expect("a stack");
        assert!(stack.size() >= wanted.max(18 * 1024) && stack.size().is_power_of_two());
        assert!(stack.base().get().is_multiple_of(64) && stack.limit().get().is_multiple_of(page_size()));
        let room = stack.base().get() - stack.limit().get();
        assert!(room >= stack.size() + 64 * 1024 - 1024, "{stack:?}");
        usable(&stack).fill(0xA5);
    }
}

#[test]
fn the_head_lies_between_the_first_frame_and_the_top_in_the_top_page() {
    for stack in (0..32).map(|_| take(64 * 1024).expect("a stack")).collect::<Vec<_>>() {
        let head = stack.head().addr().get();
        assert_eq!(head, stack.base().get(), "nothing between it and the first frame");
        let top = stack.limit().get() + stack.slab.shape().stride;
        assert!(head + HEAD <= top && head.is_multiple_of(HEAD_ALIGN), "{stack:?}");
        assert!(head >= top - page_size() / 2, "{stack:?}: in the page that is in use, and above the canary");
    }
}

#[test]
fn tops_of_neighbours_differ_in_all_cache_index_bits() {
    let stacks: Vec<_> = (0..64).map(|_| take(128 * 1024).expect("a stack")).collect();
    let lines: HashSet<_> = stacks.iter().map(|stack| stack.base().get() / 64 % 64).collect();
    assert_eq!(lines.len(), 16, "first-level sets");
    let sets: HashSet<_> = stacks.iter().map(|stack| stack.base().get() / 64 % 2048).collect();
    assert!(sets.len() >= 32, "second-level sets: {}", sets.len());
}

#[test]
fn a_cache_gives_the_latest_first_and_forgets_the_owner() {
    let mut cache = Cache::new(DEFAULT_SIZE);
    assert_eq!(cache.len(), 0);
    let (first, second) = (cache.take().expect("a stack"), cache.take().expect("a stack"));
    assert!(cache.len() < 64);
    assert_eq!(first.size(), DEFAULT_SIZE);
    assert!(first.owner().is_null());
    let owner = 7_u8;
    first.set_owner((&raw const owner).cast());
    assert_eq!(first.owner(), (&raw const owner).cast());
    let (first_at, second_at) = (address(&first), address(&second));
    cache.give_back(first);
    cache.give_back(second);
    let again = cache.take().expect("a stack");
    assert_eq!(address(&again), second_at);
    let again = cache.take().expect("a stack");
    assert_eq!(address(&again), first_at);
    assert!(again.owner().is_null());
}

#[test]
fn a_cache_never_holds_more_than_64_and_only_its_own_class() {
    let mut cache = Cache::new(DEFAULT_SIZE);
    let stacks: Vec<_> = (0..200).map(|_| cache.take().expect("a stack")).collect();
    for stack in stacks {
        cache.give_back(stack);
        assert!(cache.len() <= 64);
    }
    assert!(cache.len() > 32);
    let before = cache.len();
    cache.give_back(take(4 * DEFAULT_SIZE).expect("a stack"));
    assert_eq!(cache.len(), before);
    cache.flush();
    assert_eq!(cache.len(), 0);
}

#[test]
fn an_absurd_size_is_an_error_when_a_stack_is_asked_for() {
    let mut cache = Cache::new(usize::MAX);
    assert!(cache.take().is_err());
    assert!(take(usize::MAX).is_err());
}

/// Each thread marks the stacks it holds; a stack handed out twice would carry another's mark.
#[test]
fn no_stack_is_handed_out_twice_at_a_time() {
    const THREADS: usize = 4;
    let crossing: Mutex<Vec<Stack>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 1..=THREADS {
            let crossing = &crossing;
            scope.spawn(move || {
                let mut cache = Cache::new(32 * 1024);
                let mut held = Vec::new();
                for round in 0..400 {
                    for _ in 0..(round * 7 + number) % 23 {
                        let stack = cache.take().expect("a stack");
                        usable(&stack)[0] = number as u8;
                        held.push(stack);
                    }
                    for stack in &held {
                        assert_eq!(usable(stack)[0], number as u8, "{stack:?} is somebody else's too");
                    }
                    // A third goes on to other threads, as it does with goroutines that migrate; the rest to the
                    // cache or the pool.
                    for (place, stack) in held.drain(held.len() / 2..).enumerate() {
                        match place % 3 {
                            0 => crossing.lock().expect("no thread panicked").push(stack),
                            1 => cache.give_back(stack),
                            _ => give_back(stack),
                        }
                    }
                    let foreign = crossing.lock().expect("no thread panicked").pop();
                    foreign.into_iter().for_each(|stack| cache.give_back(stack));
                }
            });
        }
    });
}

fn resident_pages() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm is readable");
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second number is the resident size")
}

/// Uses so many pages of a stack, from the top.
fn use_pages(stack: &Stack, pages: usize) {
    let usable = usable(stack);
    for page in 1..=pages {
        let at = usable.len() - page * page_size();
        usable[at..at + 2_048].fill(1);
        usable[at + 2_048..at + page_size()].fill(2);
    }
}

/// Trims until there is nothing more to do at this time.
fn trim_at(now: u64) -> Option<u64> {
    loop {
        match trim(now) {
            Some(next) if next <= now => {}
            next => return next,
        }
    }
}

#[test]
fn memory_goes_back_after_a_second_and_not_before() {
    child::expect_success(&child::run(module_path!(), "memory_goes_back_after_a_second_and_not_before", &[], || {
        const STACKS: usize = 10_000;
        const PAGES: usize = 2;
        assert_eq!(trim(SECOND), None, "there is nothing yet");
        let stacks: Vec<_> = (0..STACKS).map(|_| take(16 * page_size()).expect("a stack")).collect();
        stacks.iter().for_each(|stack| use_pages(stack, PAGES));
        let full = resident_pages();
        stacks.into_iter().for_each(give_back);
        let start = 100 * SECOND;
        assert_eq!(trim_at(start), Some(start + SECOND), "the first look only sets the mark");
        assert_eq!(trim_at(start + SECOND / 2), Some(start + SECOND));
        assert!(resident_pages() + 1_000 > full, "given back too early");
        assert_eq!(trim_at(start + SECOND), None);
        let empty = resident_pages();
        assert!(empty + STACKS * PAGES <= full + 1_000, "{full} pages before, {empty} after");
        // They are still good, still guarded, and read as zero.
        let stacks: Vec<_> = (0..STACKS).map(|_| take(16 * page_size()).expect("a stack")).collect();
        for stack in stacks.iter().step_by(997) {
            assert!(usable(stack).iter().all(|&byte| byte == 0));
            assert!(!super::is_readable(address(stack)));
        }
        assert!(resident_pages() < empty + 2_000, "reading zeroes takes no memory");
    }));
}

#[test]
fn what_was_used_meanwhile_stays_warm() {
    child::expect_success(&child::run(module_path!(), "what_was_used_meanwhile_stays_warm", &[], || {
        let stacks: Vec<_> = (0..10).map(|_| take(16 * page_size()).expect("a stack")).collect();
        stacks.iter().for_each(|stack| use_pages(stack, 1));
        stacks.into_iter().for_each(give_back);
        let start = 100 * SECOND;
        assert_eq!(trim_at(start), Some(start + SECOND));
        // Three of ten are in use at a time.
        let used: Vec<_> = (0..3).map(|_| take(16 * page_size()).expect("a stack")).collect();
        let at: Vec<_> = used.iter().map(address).collect();
        used.into_iter().for_each(give_back);
        assert_eq!(trim_at(start + SECOND), Some(start + 2 * SECOND));
        for at in at.iter().rev() {
            let stack = take(16 * page_size()).expect("a stack");
            assert_eq!(address(&stack), *at);
            assert!(stack.is_deep(), "its memory is still there: a whole page was written");
            std::mem::forget(stack);
        }
        assert!(!take(16 * page_size()).expect("a stack").is_deep(), "the others' is gone");
    }));
}

#[test]
fn a_stack_in_use_between_cold_ones_keeps_what_is_in_it() {
    child::expect_success(&child::run(
        module_path!(),
        "a_stack_in_use_between_cold_ones_keeps_what_is_in_it",
        &[],
        || {
            let stacks: Vec<_> = (0..300).map(|_| take(16 * page_size()).expect("a stack")).collect();
            stacks.iter().for_each(|stack| use_pages(stack, 3));
            let (used, free): (Vec<_>, Vec<_>) = stacks.into_iter().enumerate().partition(|(place, _)| place % 7 == 3);
            drop(free);
            trim_at(100 * SECOND);
            assert_eq!(trim_at(101 * SECOND), None);
            for (_, stack) in &used {
                let usable = usable(stack);
                assert!(usable[usable.len() - 3 * page_size()..].iter().all(|&byte| byte != 0), "{stack:?}");
            }
        },
    ));
}

#[test]
fn the_canary_tells_deep_from_shallow() {
    child::expect_success(&child::run(module_path!(), "the_canary_tells_deep_from_shallow", &[], || {
        let stack = take(DEFAULT_SIZE).expect("a stack");
        assert!(!stack.is_deep());
        let usable = usable(&stack);
        let top = usable.len();
        usable[top - page_size() + 128..].fill(1);
        assert!(!stack.is_deep(), "less than the first page is in use");
        usable[top - page_size() - 200..top - page_size() + 128].fill(1);
        assert!(stack.is_deep());
    }));
}

#[test]
fn deep_stacks_are_given_back_before_shallow_ones() {
    child::expect_success(&child::run(module_path!(), "deep_stacks_are_given_back_before_shallow_ones", &[], || {
        let stacks: Vec<_> = (0..10_000).map(|_| take(16 * page_size()).expect("a stack")).collect();
        for (place, stack) in stacks.iter().enumerate() {
            let usable = usable(stack);
            let top = usable.len();
            usable[top - 64..].fill(1);
            if place % 5 == 0 {
                use_pages(stack, 4);
            }
        }
        let full = resident_pages();
        stacks.into_iter().for_each(give_back);
        let start = 100 * SECOND;
        trim_at(start);
        // One look gives back 4 096 at most: all 2 000 deep ones, of four pages each, and some of the others.
        assert_eq!(trim(start + SECOND), Some(start + SECOND));
        assert!(resident_pages() <= full - 8_000, "{full} pages before, {} after", resident_pages());
    }));
}
