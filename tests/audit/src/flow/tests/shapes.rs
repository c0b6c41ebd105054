//! Each way in which an address is computed, kept and used.

use super::*;
use UseKind::{Passed, Read, Returned, Stored, Within, Written};

#[test]
fn an_address_in_a_register_that_calls_leave_alone() {
    let parts = [RBX_IS_THREAD, Call(SWITCHING), READ_RBX, RET];
    let outcome = outcome(&parts);
    let [Fault { computed, call, uses, argument: None }] = &outcome.faults[..] else { panic!("{outcome:?}") };
    assert_eq!((*computed, *call), (0, at(&parts[..2])));
    assert_eq!(uses.iter().copied().collect::<Vec<_>>(), [(at(&parts[..3]), Read)]);
    assert_eq!(outcome.distances[&0].iter().copied().collect::<Vec<_>>(), [-8]);
}

#[test]
fn nothing_where_the_address_is_computed_again() {
    assert_eq!(uses(&[RBX_IS_THREAD, READ_RBX, Call(SWITCHING), RBX_IS_THREAD, READ_RBX, RET]), []);
}

#[test]
fn nothing_where_the_call_cannot_switch() {
    assert_eq!(uses(&[RBX_IS_THREAD, Call(QUIET), READ_RBX, RET]), []);
}

#[test]
fn nothing_of_a_register_that_the_call_overwrites() {
    assert_eq!(uses(&[RAX_IS_THREAD, Call(SWITCHING), READ_RAX, RET]), []);
}

#[test]
fn a_direct_access_computes_no_address() {
    // mov rax, fs:[-128]; mov rax, fs:[rax]
    let access = Is(&[0x64, 0x48, 0x8b, 0x04, 0x25, 0x80, 0xff, 0xff, 0xff, 0x64, 0x48, 0x8b, 0x00]);
    assert_eq!(uses(&[access, Call(SWITCHING), access, RET]), []);
}

#[test]
fn every_way_to_read_the_thread_pointer() {
    // mov rbx, fs:[0x10]; the thread control block's pointer to itself
    let itself = Is(&[0x64, 0x48, 0x8b, 0x1c, 0x25, 0x10, 0, 0, 0]);
    // rdfsbase rbx
    let instruction = Is(&[0xf3, 0x48, 0x0f, 0xae, 0xc3]);
    // mov rbx, -8; add rbx, fs:[0]
    let sum = Is(&[0x48, 0xc7, 0xc3, 0xf8, 0xff, 0xff, 0xff, 0x64, 0x48, 0x03, 0x1c, 0x25, 0, 0, 0, 0]);
    for read in [itself, instruction, sum] {
        assert_eq!(uses(&[read, Call(SWITCHING), READ_RBX, RET]), [Read]);
    }
    // mov rbx, fs:[8]: another word of the block, which is data
    let other = Is(&[0x64, 0x48, 0x8b, 0x1c, 0x25, 0x08, 0, 0, 0]);
    assert_eq!(uses(&[other, Call(SWITCHING), READ_RBX, RET]), []);
}

/// `mov rbx, rax`
const RBX_IS_RAX: Part<'_> = Is(&[0x48, 0x89, 0xc3]);

#[test]
fn dynamic_models() {
    // call [rip + ..]
    let tls_get_addr = To(&[0xff, 0x15], TLS_GET_ADDR);
    assert_eq!(uses(&[tls_get_addr, RBX_IS_RAX, Call(SWITCHING), READ_RBX, RET]), [Read]);
    // lea rax, [rip + ..]; call [rax]; add rax, fs:[0]
    let descriptor = To(&[0x48, 0x8d, 0x05], DESCRIPTOR);
    let sum = Is(&[0xff, 0x10, 0x64, 0x48, 0x03, 0x04, 0x25, 0, 0, 0, 0]);
    assert_eq!(uses(&[descriptor, sum, RBX_IS_RAX, Call(SWITCHING), READ_RBX, RET]), [Read]);
    // The descriptor's function is no call as others are: rcx survives it.
    let rcx_is_thread = Is(&[0x64, 0x48, 0x8b, 0x0c, 0x25, 0, 0, 0, 0]);
    // mov rbx, rcx
    let rbx_is_rcx = Is(&[0x48, 0x89, 0xcb]);
    assert_eq!(uses(&[rcx_is_thread, descriptor, sum, rbx_is_rcx, Call(SWITCHING), READ_RBX, RET]), [Read]);
}

#[test]
fn spilled_into_the_frame_and_reloaded() {
    assert_eq!(uses(&[FRAME, RAX_IS_THREAD, SPILL_RAX, Call(SWITCHING), RELOAD_RAX, READ_RAX, RET]), [Read]);
    // push rax; call; pop rax
    assert_eq!(uses(&[RAX_IS_THREAD, Is(&[0x50]), Call(SWITCHING), Is(&[0x58]), READ_RAX, RET]), [Read]);
}

#[test]
fn a_word_of_the_frame_that_was_overwritten() {
    // mov qword ptr [rsp + 8], 0
    let whole = Is(&[0x48, 0xc7, 0x44, 0x24, 0x08, 0, 0, 0, 0]);
    // mov dword ptr [rsp + 12], 0
    let half = Is(&[0xc7, 0x44, 0x24, 0x0c, 0, 0, 0, 0]);
    for overwrite in [whole, half] {
        assert_eq!(uses(&[FRAME, RAX_IS_THREAD, SPILL_RAX, overwrite, Call(SWITCHING), RELOAD_RAX, READ_RAX, RET]), []);
    }
}

#[test]
fn copied_in_a_vector() {
    // movq xmm0, rax; movups [rsp + 8], xmm0
    let spill = Is(&[0x66, 0x48, 0x0f, 0x6e, 0xc0, 0x0f, 0x11, 0x44, 0x24, 0x08]);
    assert_eq!(uses(&[FRAME, RAX_IS_THREAD, spill, Call(SWITCHING), RELOAD_RAX, READ_RAX, RET]), [Read]);
    // movups xmm1, [rsp + 8]; movq rax, xmm1
    let reload = Is(&[0x0f, 0x10, 0x4c, 0x24, 0x08, 0x66, 0x48, 0x0f, 0x7e, 0xc8]);
    assert_eq!(uses(&[FRAME, RAX_IS_THREAD, spill, Call(SWITCHING), reload, READ_RAX, RET]), [Read]);
}

#[test]
fn in_a_frame_larger_than_a_page_whose_pages_are_touched() {
    // lea r11, [rsp - 0x2000]; sub rsp, 0x1000; mov qword ptr [rsp], 0; cmp rsp, r11; jne
    let probes = Is(&[
        0x4c, 0x8d, 0x9c, 0x24, 0x00, 0xe0, 0xff, 0xff, 0x48, 0x81, 0xec, 0x00, 0x10, 0, 0, 0x48, 0xc7, 0x04, 0x24, 0,
        0, 0, 0, 0x4c, 0x39, 0xdc, 0x75, 0xec,
    ]);
    assert_eq!(uses(&[probes, FRAME, RAX_IS_THREAD, SPILL_RAX, Call(SWITCHING), RELOAD_RAX, READ_RAX, RET]), [Read]);
}

#[test]
fn in_a_frame_that_is_aligned() {
    // push rbp; mov rbp, rsp; and rsp, -64
    let align = Is(&[0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xe4, 0xc0]);
    assert_eq!(uses(&[align, FRAME, RAX_IS_THREAD, SPILL_RAX, Call(SWITCHING), RELOAD_RAX, READ_RAX, RET]), [Read]);
    // mov rsp, rbp; pop rbp: `leave` as well gives back what was pushed, not what lies in the frame.
    for leave in [Is(&[0x48, 0x89, 0xec, 0x5d]), Is(&[0xc9])] {
        assert_eq!(uses(&[align, FRAME, RAX_IS_THREAD, SPILL_RAX, Call(SWITCHING), leave, RET]), []);
    }
}

#[test]
fn what_lies_below_the_stack_pointer_is_nobodys() {
    // push rax; add rsp, 8; call; sub rsp, 8; mov rax, [rsp]
    let (popped, back) = (Is(&[0x50, 0x48, 0x83, 0xc4, 0x08]), Is(&[0x48, 0x83, 0xec, 0x08, 0x48, 0x8b, 0x04, 0x24]));
    assert_eq!(uses(&[RAX_IS_THREAD, popped, Call(SWITCHING), back, READ_RAX, RET]), []);
}

#[test]
fn addresses_that_are_computed_with() {
    // lea rbx, [rax - 0x20]; add rbx, 8
    let distance = Is(&[0x48, 0x8d, 0x58, 0xe0, 0x48, 0x83, 0xc3, 0x08]);
    let parts = [RAX_IS_THREAD, distance, Call(SWITCHING), READ_RBX, RET];
    assert_eq!(uses(&parts), [Read]);
    // Each variable counts from its own `lea`.
    assert_eq!(outcome(&parts).faults[0].computed, at(&parts[..2]));
    // cmovne rbx, rdi
    let choice = Is(&[0x48, 0x0f, 0x45, 0xdf]);
    assert_eq!(uses(&[RBX_IS_THREAD, choice, Call(SWITCHING), READ_RBX, RET]), [Read]);
    // xchg rax, rbx
    assert_eq!(uses(&[RAX_IS_THREAD, Is(&[0x48, 0x93]), Call(SWITCHING), READ_RBX, RET]), [Read]);
}

#[test]
fn what_is_no_address_any_more() {
    // mov ebx, eax: half of it; sub rbx, rbx: a distance; xor ebx, ebx
    for forget in [&[0x89, 0xc3][..], &[0x48, 0x29, 0xdb], &[0x31, 0xdb]] {
        assert_eq!(uses(&[RAX_IS_THREAD, RBX_IS_RAX, Is(forget), Call(SWITCHING), READ_RBX, RET]), []);
    }
}

#[test]
fn a_value_that_was_loaded_from_a_thread_local_is_another_matter() {
    // mov rbx, [rbx]
    assert_eq!(uses(&[RBX_IS_THREAD, Is(&[0x48, 0x8b, 0x1b]), Call(SWITCHING), READ_RBX, RET]), []);
}

#[test]
fn used_above_the_call_in_a_loop() {
    // test edi, edi; jne to the use: 2 + 2 + 5 + 4 bytes back
    let again = Is(&[0x85, 0xff, 0x75, 0xf3]);
    let parts = [RBX_IS_THREAD, READ_RBX, Call(SWITCHING), again, RET];
    assert_eq!(uses(&parts), [Read]);
    let fault = &outcome(&parts).faults[0];
    assert!(fault.uses.first().is_some_and(|(used, _)| *used < fault.call), "{fault:?}");
}

#[test]
fn on_one_of_two_ways() {
    // test edi, edi; je over the next instruction, which has 9 bytes or, being a call, 5
    let (over_nine, over_call) = (Is(&[0x85, 0xff, 0x74, 0x09]), Is(&[0x85, 0xff, 0x74, 0x05]));
    assert_eq!(uses(&[over_nine, RBX_IS_THREAD, Call(SWITCHING), READ_RBX, RET]), [Read]);
    assert_eq!(uses(&[RBX_IS_THREAD, over_call, Call(SWITCHING), READ_RBX, RET]), [Read]);
    assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), over_nine, RBX_IS_THREAD, READ_RBX, RET]), [Read]);
}

#[test]
fn passed_stored_written_and_returned() {
    // mov rdi, rbx
    assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), Is(&[0x48, 0x89, 0xdf]), Call(QUIET), RET]), [Passed]);
    // mov rdi, rbx; jmp
    assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), Is(&[0x48, 0x89, 0xdf]), Jump(QUIET)]), [Passed]);
    // mov [rdi], rbx
    assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), Is(&[0x48, 0x89, 0x1f]), RET]), [Stored]);
    // inc qword ptr [rbx]
    assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), Is(&[0x48, 0xff, 0x03]), RET]), [Written]);
    // mov rax, rbx
    assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), Is(&[0x48, 0x89, 0xd8]), RET]), [Returned]);
    // call [rbx]
    assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), Is(&[0xff, 0x13]), RET]), [Read]);
}

#[test]
fn gotten_from_another_function() {
    assert_eq!(uses(&[Call(ADDRESS), RBX_IS_RAX, Call(SWITCHING), READ_RBX, RET]), [Read]);
    // mov rdi, rax
    let give = Is(&[0x48, 0x89, 0xc7]);
    assert_eq!(uses(&[RAX_IS_THREAD, give, Call(IDENTITY), RBX_IS_RAX, Call(SWITCHING), READ_RBX, RET]), [Read]);
    assert!(outcome(&[RAX_IS_THREAD, RET]).summary.returns[0].address);
    assert!(outcome(&[RAX_IS_THREAD, Jump(QUIET)]).summary == Summary::default());
    assert!(outcome(&[Jump(ADDRESS)]).summary.returns[0].address);
}

#[test]
fn given_to_a_function_that_uses_it_after_its_switch() {
    // mov rsi, rax
    let second = Is(&[0x48, 0x89, 0xc6]);
    let outcome = outcome(&[RAX_IS_THREAD, second, Call(USER), RET]);
    assert_eq!(kinds(&outcome), [Within]);
    assert_eq!(outcome.faults[0].argument, Some(1));
    // mov rdi, rax: the first argument it does not use
    assert_eq!(uses(&[RAX_IS_THREAD, Is(&[0x48, 0x89, 0xc7]), Call(USER), RET]), []);
}

#[test]
fn a_summary_tells_of_arguments() {
    // mov rbx, rdi
    let keep = Is(&[0x48, 0x89, 0xfb]);
    let parts = [keep, Call(SWITCHING), READ_RBX, RET];
    let summary = outcome(&parts).summary;
    let used = ArgumentUse { call: at(&parts[..2]), at: at(&parts[..3]), kind: Read, argument: None };
    assert_eq!(summary.uses[0], Some(used));
    assert_eq!(summary.uses[1..], [None; 5]);
    // mov rax, rdi; the third argument stays in the second result register, and is no result
    let identity = outcome(&[Is(&[0x48, 0x89, 0xf8]), RET]).summary;
    assert_eq!(identity.returns, [Gives { address: false, arguments: 1 }, Gives::default()]);
}

#[test]
fn what_is_left_behind_in_the_second_result_register() {
    // mov rdx, fs:[0]
    let rdx_is_thread = Is(&[0x64, 0x48, 0x8b, 0x14, 0x25, 0, 0, 0, 0]);
    assert_eq!(outcome(&[rdx_is_thread, RET]).summary.returns, [Gives::default(); 2]);
    let both = outcome(&[RAX_IS_THREAD, rdx_is_thread, RET]).summary.returns;
    assert_eq!(both, [Gives { address: true, arguments: 0 }; 2]);
}

#[test]
fn used_where_a_panic_lands() {
    let parts = [RBX_IS_THREAD, Call(SWITCHING), RET, READ_RBX, Is(&[0x0f, 0x0b])];
    let call = START + u64::from(at(&parts[..2]));
    let pad = START + u64::from(at(&parts[..4]));
    assert_eq!(uses(&parts), [], "no jump leads there");
    let with = |calls| kinds(&outcome_with(&parts, &[CallSite { calls, pad }], Surroundings::default()));
    assert_eq!(with(call..call + 5), [Read]);
    assert_eq!(with(START..call), []);
}

#[test]
fn through_a_table_of_jumps() {
    // lea rcx, [rip + TABLE]
    let table = To(&[0x48, 0x8d, 0x0d], TABLE);
    // movsxd rax, [rcx + rdi * 4]; add rax, rcx; jmp rax
    let jump = Is(&[0x48, 0x63, 0x04, 0xb9, 0x48, 0x01, 0xc8, 0xff, 0xe0]);
    let parts = [RBX_IS_THREAD, Call(SWITCHING), table, jump, RET, READ_RBX, RET];
    let entry = |parts: &[Part<'_>]| (START + u64::from(at(parts))).wrapping_sub(TABLE) as i32;
    let surroundings = || Surroundings { table: vec![entry(&parts[..5]), entry(&parts[..6]), 0] };
    let outcome = outcome_with(&parts, &[], surroundings());
    assert_eq!(kinds(&outcome), [Read]);
    assert!(!outcome.lost);
    // Without the table the jump leads out of sight, which is said.
    assert!(outcome_with(&parts, &[], Surroundings::default()).faults.is_empty());
    // jmp rax, of a number that nothing is known of
    let lost = outcome_with(&[Is(&[0x48, 0x8b, 0x44, 0xf9, 0x08, 0xff, 0xe0])], &[], Surroundings::default());
    assert!(lost.lost);
}

#[test]
fn over_corosenseis_switch() {
    // push rbp; push rbx; lea rax, [rip + 9]; push rax; mov rsi, rsp; mov rsp, [rdx]; pop rbp; ret
    // push rbp; mov [rsi - 16], rsp; lea rsp, [rdx + 8]; pop rbx; pop rbp
    let switch = Is(&[
        0x55, 0x53, 0x48, 0x8d, 0x05, 0x09, 0, 0, 0, 0x50, 0x48, 0x89, 0xe6, 0x48, 0x8b, 0x22, 0x5d, 0xc3, 0x55, 0x48,
        0x89, 0x66, 0xf0, 0x48, 0x8d, 0x62, 0x08, 0x5b, 0x5d,
    ]);
    assert_eq!(uses(&[RBX_IS_THREAD, switch, READ_RBX, RET]), [Read], "rbx lies on the stack meanwhile");
    assert_eq!(uses(&[FRAME, RAX_IS_THREAD, SPILL_RAX, switch, RELOAD_RAX, READ_RAX, RET]), [Read]);
    assert_eq!(uses(&[FRAME, switch, RAX_IS_THREAD, READ_RAX, RET]), []);
    // push r12; pop r12: what the switch does not save is the compiler's to save
    let (r12_is_thread, read_r12) = (Is(&[0x64, 0x4c, 0x8b, 0x24, 0x25, 0, 0, 0, 0]), Is(&[0x49, 0x8b, 0x04, 0x24]));
    assert_eq!(uses(&[r12_is_thread, switch, read_r12, RET]), []);
}

#[test]
fn a_call_through_a_pointer_is_asked_about() {
    // call rdi
    assert_eq!(uses(&[RBX_IS_THREAD, Is(&[0xff, 0xd7]), READ_RBX, RET]), [Read]);
    // mov r12, [rip + ..] loads the address of an import, which does not switch; call r12; call r12
    let (load, call) = (To(&[0x4c, 0x8b, 0x25], TLS_GET_ADDR), Is(&[0x41, 0xff, 0xd4]));
    assert_eq!(uses(&[load, RBX_IS_THREAD, call, call, READ_RBX, RET]), []);
}

#[test]
fn nothing_behind_the_end() {
    // ud2; int3: what follows is not reached
    for end in [&[0x0f, 0x0b][..], &[0xcc]] {
        assert_eq!(uses(&[RBX_IS_THREAD, Call(SWITCHING), Is(end), READ_RBX, RET]), []);
    }
}
