//! The request body: `{"version": .., "token": .., "data": [payload, ..]}`.
//!
//! A payload is any JSON value. It is never built as a tree: its text is found
//! by a validating scan, and copied without the whitespace between its tokens.
//! Numbers, escapes, key order and repeated keys stay as they were sent. Since
//! JSON forbids raw control characters inside strings, and those between
//! tokens are dropped, what is kept holds no newline and is one line.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A request body, its payloads borrowed from the request's bytes.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `data`")]
struct Envelope<'a> {
    #[serde(default, rename = "version")]
    _version: Label,
    #[serde(default, borrow, rename = "token")]
    _token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

/// The same shape without payloads, to find out where a bad body goes wrong.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object with `data`")]
struct Shape<'a> {
    #[serde(default, rename = "version")]
    _version: Label,
    #[serde(default, borrow, rename = "token")]
    _token: Option<Cow<'a, str>>,
    #[serde(rename = "data")]
    _data: Vec<IgnoredAny>,
}

/// A version: text or a number, which clients of both kinds send.
#[derive(Debug, Default)]
struct Label;

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LabelVisitor;

        impl Visitor<'_> for LabelVisitor {
            type Value = Label;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }

            fn visit_str<E>(self, _: &str) -> Result<Label, E> {
                Ok(Label)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Label, E> {
                Ok(Label)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Label, E> {
                Ok(Label)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Label, E> {
                Ok(Label)
            }

            fn visit_unit<E>(self) -> Result<Label, E> {
                Ok(Label)
            }
        }

        deserializer.deserialize_any(LabelVisitor)
    }
}

/// Why a body was not taken, and where in it.
#[derive(Debug)]
pub struct BadBody {
    /// What is wrong, in words.
    pub reason: String,
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault in bytes, from 1 (0 where the fault is the line's beginning).
    pub column: usize,
    /// Path of the value it is in; `.` is the whole body.
    pub path: String,
}

/// Payloads of one request as lines, in shares that fit one object each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// At least one byte a payload; each ends in a newline.
    pub shares: Vec<Share>,
    /// Payloads in all shares together.
    pub payloads: usize,
}

/// Some payloads of one request, as lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The lines, the last newline included.
    pub text: Vec<u8>,
    /// How many there are.
    pub payloads: usize,
}

/// Reads a request body into lines; a share holds at most `max_payloads` lines
/// and, unless it is a single line, at most `max_bytes` bytes.
///
/// # Errors
///
/// [`BadBody`] where the body is not JSON or not of the right shape.
pub fn read_lines(body: &[u8], max_payloads: usize, max_bytes: usize) -> Result<Lines, BadBody> {
    if let Some(at) = array_start(body) {
        return Err(not_an_object(body, at));
    }
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(|_| locate(body))?;
    let mut lines = Lines { shares: Vec::new(), payloads: envelope.data.len() };
    // What is yet to come is no longer than the body: one allocation a share.
    let mut left = body.len();
    for payload in &envelope.data {
        let text = payload.get().as_bytes();
        let fits = lines
            .shares
            .last()
            .is_some_and(|share| share.payloads < max_payloads && share.text.len() + text.len() < max_bytes);
        if !fits {
            lines.shares.push(Share { text: Vec::with_capacity(left.min(max_bytes.max(text.len() + 1))), payloads: 0 });
        }
        if let Some(share) = lines.shares.last_mut() {
            compact(text, &mut share.text);
            share.text.push(b'\n');
            share.payloads += 1;
        }
        left -= text.len();
    }
    Ok(lines)
}

/// Copies valid JSON without the whitespace between its tokens.
fn compact(json: &[u8], out: &mut Vec<u8>) {
    let mut rest = json;
    loop {
        // Outside strings: copy up to the next quote or whitespace.
        let run =
            rest.iter().position(|byte| matches!(byte, b'"' | b' ' | b'\n' | b'\r' | b'\t')).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..run]);
        rest = &rest[run..];
        match rest.first() {
            None => return,
            Some(b'"') => {
                let length = string_length(rest);
                out.extend_from_slice(&rest[..length]);
                rest = &rest[length..];
            }
            Some(_) => rest = &rest[1..],
        }
    }
}

/// Length of the JSON string that `text` begins with, quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Reads a bad body again, slowly, keeping track of the path.
#[cold]
fn locate(body: &[u8]) -> BadBody {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let (error, path) = match serde_path_to_error::deserialize::<_, Shape<'_>>(&mut deserializer) {
        Err(error) => {
            let path = known_path(&error.path().to_string()).to_owned();
            (error.into_inner(), path)
        }
        Ok(_) => match deserializer.end() {
            Err(error) => (error, ".".to_owned()),
            // Only the payloads' text is checked more strictly above: UTF-8.
            Ok(()) => return not_utf8(body),
        },
    };
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let reason = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    BadBody { reason: reason.to_owned(), line, column, path }
}

/// A path without the `?` of a place that was not yet known: the body ended in the midst of a key.
fn known_path(path: &str) -> &str {
    match path.trim_end_matches('?').trim_end_matches('.') {
        "" => ".",
        known => known,
    }
}

/// Where the body is an array: a derived `Deserialize` would take one for the
/// object, its elements for the fields in order.
fn array_start(body: &[u8]) -> Option<usize> {
    let at = body.iter().position(|byte| !byte.is_ascii_whitespace())?;
    (body[at] == b'[').then_some(at)
}

fn not_an_object(body: &[u8], at: usize) -> BadBody {
    let (line, column) = position_of(body, at);
    BadBody {
        reason: "invalid type: sequence, expected an object with `data`".to_owned(),
        line,
        column,
        path: ".".to_owned(),
    }
}

fn not_utf8(body: &[u8]) -> BadBody {
    let at = match std::str::from_utf8(body) {
        Ok(_) => body.len(),
        Err(error) => error.valid_up_to(),
    };
    let (line, column) = position_of(body, at);
    BadBody { reason: "invalid UTF-8".to_owned(), line, column, path: "data".to_owned() }
}

/// Line and column, both from 1, of a byte of the body.
fn position_of(body: &[u8], at: usize) -> (usize, usize) {
    let before = &body[..at];
    let line_start = before.iter().rposition(|&byte| byte == b'\n');
    (1 + before.iter().filter(|&&byte| byte == b'\n').count(), at - line_start.map_or(0, |newline| newline + 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(body: &str) -> String {
        let lines = read_lines(body.as_bytes(), 1000, 1 << 20).expect("a good body");
        assert!(lines.shares.len() <= 1);
        lines
            .shares
            .into_iter()
            .fold(String::new(), |text, share| text + std::str::from_utf8(&share.text).expect("UTF-8"))
    }

    #[test]
    fn payloads_become_lines() {
        let body = "{\"version\":\"1\",\"token\":\"t\",\"data\":[{ \"a\" :\n 1.50 ,\t\"b\\\"\\n \": [ true ]\r\n},7, \"x  y\"]}";
        assert_eq!(text_of(body), "{\"a\":1.50,\"b\\\"\\n \":[true]}\n7\n\"x  y\"\n");
    }

    #[test]
    fn verbatim_but_for_whitespace() {
        let odd = r#"{"n":1e400,"n":0.10,"u":"\u00e9\ud83d\ude00","s":"\\","é":""}"#;
        assert_eq!(text_of(&format!("{{\"data\":[{odd}]}}")), format!("{odd}\n"));
    }

    #[test]
    fn other_fields_and_their_order_do_not_matter() {
        for body in [
            r#"{"data":[]}"#,
            r#"{"version":2,"data":[],"extra":{"data":3}}"#,
            r#"{"version":null,"token":null,"data":[]}"#,
        ] {
            assert_eq!(text_of(body), "");
        }
    }

    #[test]
    fn shares_keep_within_both_limits() {
        let body = r#"{"data":[1,22,333,4444,"longer than a share",5,6]}"#;
        let shares: Vec<(String, usize)> = read_lines(body.as_bytes(), 3, 8)
            .expect("a good body")
            .shares
            .into_iter()
            .map(|share| (String::from_utf8(share.text).expect("UTF-8"), share.payloads))
            .collect();
        let expected = [("1\n22\n", 2), ("333\n", 1), ("4444\n", 1), ("\"longer than a share\"\n", 1), ("5\n6\n", 2)];
        let shares: Vec<(&str, usize)> = shares.iter().map(|(t, n)| (t.as_str(), *n)).collect();
        assert_eq!(shares, expected);
    }

    #[test]
    fn bad_bodies_say_where() {
        let cases: [(&[u8], usize, usize, &str, &str); 9] = [
            (b"", 1, 0, ".", "EOF"),
            (b"nonsense", 1, 2, ".", "expected"),
            (b"[1]", 1, 0, ".", "invalid type: sequence"),
            (b"{}", 1, 2, ".", "missing field `data`"),
            (b"{\"token\":\"t\"}", 1, 13, ".", "missing field `data`"),
            (b"{\n \"data\": 5}", 2, 10, "data", "invalid type"),
            (b"{\"data\":[1,\n{\"a\":}]}", 2, 6, "data[1]", "expected value"),
            (b"{\"data\":[]} x", 1, 13, ".", "trailing characters"),
            (b"{\"data\":[\n\"\xff\"]}", 2, 2, "data", "invalid UTF-8"),
        ];
        for (body, line, column, path, reason) in cases {
            let bad = read_lines(body, 10, 1000).expect_err("a bad body");
            let shown = String::from_utf8_lossy(body);
            assert!(bad.reason.contains(reason), "{shown}: {bad:?}");
            assert_eq!(bad.path, path, "{shown}: {bad:?}");
            assert_eq!(bad.line, line, "{shown}: {bad:?}");
            assert!(bad.column.abs_diff(column) <= 1, "{shown}: {bad:?}");
        }
    }

    #[test]
    fn deep_nesting_is_no_recursion() {
        let deep = format!("{{\"data\":[{}{}]}}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(text_of(&deep).len(), 400_001);
    }

    /// Marsaglia's xorshift64*, seeded by `THREADLE_SEED` or the clock; the seed is printed.
    struct Random(u64);

    impl Random {
        #[expect(clippy::print_stdout, reason = "for whoever repeats the test")]
        fn new() -> Random {
            let given = std::env::var("THREADLE_SEED").ok().and_then(|seed| seed.parse().ok());
            let seed = given.unwrap_or_else(|| {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
                now.as_nanos() as u64
            });
            println!("mutated bodies: THREADLE_SEED={seed}");
            Random(seed | 1)
        }

        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) as usize % bound
        }
    }

    /// Held against a parser that builds trees: what is taken is the same values in the same order, a line each; what is not taken has a place
    /// within the body; what has the right shape is taken.
    #[test]
    fn mutated_bodies_are_taken_whole_or_refused() {
        const PIECES: [&str; 20] = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            " ",
            "\n",
            "\t",
            "1",
            "-0.5e7",
            "null",
            "true",
            "\"a b\"",
            "\"data\"",
            "\u{e9}",
            "\"\\u00e9\"",
            "{\"k\":[]}",
        ];
        let mut random = Random::new();
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..30_000 {
            let mut body = br#"{"version":"1","token":"t","data":[{"a": 1},[2, "x\\\" y"],"z"],"more":{}}"#.to_vec();
            for _ in 0..random.below(4) {
                let at = random.below(body.len());
                match random.below(4) {
                    0 => body[at] = random.below(256) as u8,
                    1 => drop(body.remove(at)),
                    2 => body.truncate(at + 1),
                    _ => drop(body.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
                }
                if body.is_empty() {
                    break;
                }
            }
            let shown = String::from_utf8_lossy(&body);
            let tree: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
            match read_lines(&body, 2, 20) {
                Ok(lines) => {
                    taken += 1;
                    let text: Vec<u8> = lines.shares.iter().flat_map(|share| share.text.clone()).collect();
                    let text = String::from_utf8(text).expect("lines are UTF-8");
                    assert_eq!(text.lines().count(), lines.payloads, "{shown}");
                    assert!(text.is_empty() || text.ends_with('\n'), "{shown}");
                    // Where both read it: text of other fields need not be UTF-8 here, nor numbers be of a size.
                    if let Some(data) = tree.as_ref().and_then(|tree| tree["data"].as_array()) {
                        let values: Vec<serde_json::Value> =
                            text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
                        assert_eq!(&values, data, "{shown}");
                    }
                }
                Err(bad) => {
                    refused += 1;
                    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
                    assert!((1..=lines.len()).contains(&bad.line), "{shown}: {bad:?}");
                    assert!(bad.column <= lines[bad.line - 1].len() + 1, "{shown}: {bad:?}");
                    assert!(!bad.reason.is_empty() && !bad.path.is_empty(), "{shown}: {bad:?}");
                    let once =
                        ["\"data\"", "\"version\"", "\"token\""].iter().all(|key| shown.matches(key).count() <= 1);
                    let right = tree.is_some_and(|tree| {
                        let version = &tree["version"];
                        tree["data"].is_array()
                            && (version.is_null() || version.is_string() || version.is_number())
                            && (tree["token"].is_null() || tree["token"].is_string())
                    });
                    assert!(!(right && once), "{shown}: {bad:?}");
                }
            }
        }
        assert!(taken > 1000 && refused > 1000, "{taken} taken, {refused} refused");
    }
}
