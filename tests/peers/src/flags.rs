//! The command line.

use std::path::PathBuf;

use lexopt::ValueExt;
use lexopt::prelude::{Long, Short};

use crate::peer::Peer;

pub(crate) const HELP: &str = "\
Runs the same programs for threadle (both modes), Go, tokio and may in turn, and prints medians, spread and ratios.

    threadle-peers [OPTIONS]

    --quick             small sizes, one run: that everything works, in about a minute; decides nothing
    --only NAME         rows and series whose name begins with NAME; may be repeated
    --peers LIST        of bound,migrating,go,tokio,may,floor
    --runs N            runs of each program (5; of a point of a series at most 3)
    --out DIR           where benchmarks.md and charts/ are written: docs/ for a whole run, else peers/ in the target folder
    --check             exit 1 where a bound is missed or could not be looked at
    --list              names and titles
    -h, --help

Go is taken from GO=/path/to/go, or from PATH; the client of http, wrk, from PATH.
";

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    pub(crate) quick: bool,
    pub(crate) only: Vec<String>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) runs: usize,
    pub(crate) out: Option<PathBuf>,
    pub(crate) check: bool,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Run(Flags),
    List,
    Help,
}

impl Flags {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    ///
    /// Where they make no sense.
    pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
        let mut flags =
            Flags { quick: false, only: Vec::new(), peers: Peer::ALL.to_vec(), runs: 0, out: None, check: false };
        while let Some(argument) = parser.next()? {
            match argument {
                Long("quick") => flags.quick = true,
                Long("only") => flags.only.push(parser.value()?.string()?),
                Long("peers") => flags.peers = peers(&parser.value()?.string()?)?,
                Long("runs") => flags.runs = parser.value()?.parse()?,
                Long("out") => flags.out = Some(parser.value()?.into()),
                Long("check") => flags.check = true,
                Long("list") => return Ok(Command::List),
                Short('h') | Long("help") => return Ok(Command::Help),
                other => return Err(other.unexpected()),
            }
        }
        if flags.quick && flags.check {
            return Err("--quick decides nothing, so there is nothing to --check".into());
        }
        if flags.runs == 0 {
            flags.runs = if flags.quick { 1 } else { 5 };
        }
        Ok(Command::Run(flags))
    }

    /// Whether `name` was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only.as_str()))
    }

    /// Whether every figure of every peer was asked for, at full size.
    pub(crate) fn whole(&self) -> bool {
        !self.quick && self.only.is_empty() && self.peers.len() == Peer::ALL.len()
    }
}

fn peers(list: &str) -> Result<Vec<Peer>, lexopt::Error> {
    let peer = |name| Peer::from_name(name).ok_or_else(|| lexopt::Error::from(format!("no peer is called {name}")));
    let mut peers: Vec<Peer> = list.split(',').map(peer).collect::<Result<_, _>>()?;
    peers.sort_unstable();
    peers.dedup();
    Ok(peers)
}

#[cfg(test)]
mod tests {
    use super::{Command, Flags};
    use crate::peer::Peer;

    fn parse(words: &str) -> Result<Flags, String> {
        match Flags::parse(lexopt::Parser::from_args(words.split_whitespace())) {
            Ok(Command::Run(flags)) => Ok(flags),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_whole_run_is_the_default() {
        let flags = parse("").expect("no flag is needed");
        assert!(flags.whole() && flags.wants("yield"));
        assert_eq!(flags.runs, 5);
    }

    #[test]
    fn a_part_of_it_is_not_a_whole_run() {
        let flags = parse("--only echo --only fib --peers tokio,bound,tokio --runs 2").expect("it is well formed");
        assert!(!flags.whole() && flags.wants("echo-100") && !flags.wants("yield"));
        assert_eq!((flags.peers, flags.runs), (vec![Peer::Bound, Peer::Tokio], 2));
        assert!(!parse("--quick").expect("it is well formed").whole());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(parse("--peers rust").expect_err("there is no such peer").contains("rust"));
        assert!(parse("--quick --check").expect_err("nothing is decided").contains("--check"));
        assert!(parse("yield").is_err());
    }
}
