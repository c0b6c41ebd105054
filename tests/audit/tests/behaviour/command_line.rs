//! What a caller sees: exit status, stdout, stderr.

use crate::programs;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

fn audit(arguments: &[&OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_threadle-audit")).args(arguments).output().expect("the audit starts")
}

/// A file of the tests' own folder with these contents.
fn file(name: &str, contents: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, contents).expect("the folder for temporary files can be written to");
    path
}

/// Status 2, nothing on stdout, and a reason that contains `why`.
#[track_caller]
fn assert_cannot_look(arguments: &[&OsStr], why: &str) {
    let output = audit(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    assert!(stderr.contains(why), "{why:?} is not in: {stderr}");
}

#[test]
fn status_tells_whether_something_was_found() {
    let clean = audit(&[programs::path("clean").as_ref()]);
    assert_eq!(clean.status.code(), Some(0));
    let clean = String::from_utf8(clean.stdout).expect("UTF-8");
    assert!(clean.starts_with("No function holds the address of a thread-local over a switch.\n"), "{clean}");

    let planted = audit(&[programs::path("planted").as_ref()]);
    assert_eq!(planted.status.code(), Some(1));
    let planted = String::from_utf8(planted.stdout).expect("UTF-8");
    for part in ["planted::both_sides\n", "planted.rs:", "-> threadle_audit_fixtures::planted::wait\n", "To mend one:"]
    {
        assert!(planted.contains(part), "{part:?} is not in:\n{planted}");
    }
}

#[test]
fn json_has_all_that_the_text_has() {
    let output = audit(&["--json".as_ref(), "--indirect=never".as_ref(), programs::path("planted").as_ref()]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let findings = report["findings"].as_array().expect("a list of findings");
    let both_sides = findings
        .iter()
        .find(|finding| finding["function"].as_str().is_some_and(|name| name.ends_with("planted::both_sides")))
        .expect("it is found");
    assert_eq!(both_sides["variables"][0], "threadle_audit_fixtures::planted::COUNT");
    let held = &both_sides["held"][0];
    assert_eq!(held["path"][0], "threadle_audit_fixtures::planted::wait");
    assert!(held["call"]["lines"][0]["file"].as_str().is_some_and(|file| file.ends_with("planted.rs")));
    assert!(held["uses"].as_array().is_some_and(|uses| !uses.is_empty()));
    assert!(report["reaching"].as_u64().is_some_and(|count| count > 10));
}

#[test]
fn a_switch_may_be_named() {
    // `all` calls the others, which are switches from now on: what it holds over them is nothing.
    let named = audit(&["--switch".as_ref(), "clean::new_map".as_ref(), programs::path("clean").as_ref()]);
    assert_eq!(named.status.code(), Some(0));
    let stdout = String::from_utf8(named.stdout).expect("UTF-8");
    assert!(stdout.contains("clean::new_map"), "{stdout}");
    assert_cannot_look(
        &["--switch".as_ref(), "no_such_function".as_ref(), programs::path("clean").as_ref()],
        "no_such_function",
    );
}

#[test]
fn says_why_it_cannot_look() {
    assert_cannot_look(&["no/such/file".as_ref()], "No such file");
    assert_cannot_look(&[file("text", b"#!/bin/sh\n").as_ref()], "no object file that can be read");
    assert_cannot_look(&[env!("CARGO_BIN_EXE_threadle-audit").as_ref()], "nothing in it switches goroutines");
    assert_cannot_look(&[], "no BINARY");
    assert_cannot_look(&["--indirect=perhaps".as_ref(), "x".as_ref()], "--indirect is never, near or always");
}

/// Where the ELF header has what.
mod header {
    pub(super) const TYPE: usize = 16;
    pub(super) const MACHINE: usize = 18;
    pub(super) const SECTIONS: usize = 40;
    pub(super) const SECTION_SIZE: usize = 58;
    pub(super) const SECTION_COUNT: usize = 60;
}

#[test]
fn says_what_is_wrong_with_an_elf_file() {
    let good = programs::bytes("clean");
    let number = |at: usize, size: usize| {
        good[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    };

    let mut other = good.clone();
    other[header::MACHINE..header::MACHINE + 2].copy_from_slice(&183_u16.to_le_bytes());
    assert_cannot_look(&[file("aarch64", &other).as_ref()], "only x86-64 is understood");

    let mut unlinked = good.clone();
    unlinked[header::TYPE] = 1;
    assert_cannot_look(&[file("unlinked", &unlinked).as_ref()], "not linked");

    let mut stripped = good.clone();
    for section in 0..number(header::SECTION_COUNT, 2) {
        let kind = number(header::SECTIONS, 8) + section * number(header::SECTION_SIZE, 2) + 4;
        if stripped[kind] == 2 {
            // The symbol table, which is no longer one.
            stripped[kind] = 1;
        }
    }
    assert_cannot_look(&[file("stripped", &stripped).as_ref()], "no symbols of functions");
}
