//! The command line of the audit. The essay is in the package's README.

use lexopt::ValueExt;
use lexopt::prelude::{Long, Short, Value};
use std::path::PathBuf;
use std::process::ExitCode;
use threadle_audit::{Indirect, Options, audit};

const HELP: &str = "\
Finds functions that hold the address of a thread-local over a switch of goroutines: what a program must not do under run_migrating.

    threadle-audit [OPTIONS] BINARY

    --json              the report as one JSON object
    --indirect=WHAT     which calls through pointers may reach the switch: `never` any; `near`, those that the holder of an address
                        makes itself (the default); `always`, all of them
    --switch NAME       functions whose name contains NAME switch, too; may be repeated
    --allow NAME        findings in functions whose name contains NAME are counted only; may be repeated. NAME=INSTANCE: if the debug
                        information calls the function INSTANCE besides, as in `Future>::poll=poll<library::Receiver<()>>`
    -h, --help

Exit status: 0 nothing found; 1 something found; 2 the binary could not be looked at.
";

struct Arguments {
    binary: PathBuf,
    json: bool,
    options: Options,
}

fn main() -> ExitCode {
    match parse() {
        Ok(Some(arguments)) => run(&arguments),
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("threadle-audit: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let looked = std::fs::read(&arguments.binary)
        .map_err(|error| error.to_string())
        .and_then(|bytes| audit(&bytes, &arguments.options).map_err(|error| error.to_string()));
    match looked {
        Ok(report) => {
            if arguments.json {
                println!("{}", report.to_json());
            } else {
                print!("{report}");
            }
            ExitCode::from(u8::from(!report.findings.is_empty()))
        }
        Err(why) => {
            eprintln!("threadle-audit: cannot look at {}: {why}", arguments.binary.display());
            ExitCode::from(2)
        }
    }
}

fn parse() -> Result<Option<Arguments>, lexopt::Error> {
    let mut binary = None;
    let mut json = false;
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("json") => json = true,
            Long("indirect") => {
                options.indirect = match parser.value()?.to_str() {
                    Some("never") => Indirect::Never,
                    Some("near") => Indirect::Near,
                    Some("always") => Indirect::Always,
                    _ => return Err("--indirect is never, near or always".into()),
                }
            }
            Long("switch") => options.switches.push(parser.value()?.string()?),
            Long("allow") => options.allowed.push(parser.value()?.string()?),
            Short('h') | Long("help") => return Ok(None),
            Value(path) if binary.is_none() => binary = Some(PathBuf::from(path)),
            other => return Err(other.unexpected()),
        }
    }
    let binary = binary.ok_or("no BINARY was named")?;
    Ok(Some(Arguments { binary, json, options }))
}
