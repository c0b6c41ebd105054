//! The same programs for threadle, Go, tokio and may, run in turn: what each costs, and how much less with threadle.
//!
//! ```text
//! cargo run --release -p threadle-peers                    everything: half an hour, writes docs/benchmarks.md and docs/charts
//! cargo run --release -p threadle-peers -- --quick         that everything works, in about a minute
//! cargo run --release -p threadle-peers -- --only echo     some of it
//! ```
//!
//! The programs are in the folders beside this one, a file each, written as one would write them in that system. This one builds them
//! ([`build`]), runs each in a process of its own ([`run`]), in an order that changes from round to round ([`order`]), and reads their
//! answers ([`answer`]). What is run is in two lists: [`rows`] of the table, with the bound that each is to meet, and [`series`], which show
//! how a cost grows and become charts. Some programs only serve: their clients are on this side, the same for all ([`load`]).
//! A peer that is missing, crashes or hangs is a note under the table, never a gap.

mod answer;
mod build;
mod chart;
mod connect;
mod flags;
mod gather;
mod growth;
mod load;
mod machine;
mod order;
mod page;
mod peer;
mod program;
mod report;
mod rows;
mod run;
mod series;
mod serve;
mod statistics;
mod table;
mod verdict;
mod wrk;

use std::error::Error;
use std::process::ExitCode;

use flags::{Command, Flags, HELP};
use program::Scale;
use report::Report;
use rows::ROWS;
use series::SERIES;

fn main() -> ExitCode {
    let done = match Flags::parse(lexopt::Parser::from_env()) {
        Ok(Command::Run(flags)) => compare(&flags),
        Ok(Command::List) => {
            list();
            Ok(ExitCode::SUCCESS)
        }
        Ok(Command::Help) => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(format!("{error}\n\n{HELP}").into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("threadle-peers: {error}");
        ExitCode::from(2)
    })
}

fn list() {
    let rows = ROWS.iter().map(|row| (row.name, row.title));
    let series = SERIES.iter().map(|series| (series.name, series.title));
    rows.chain(series).for_each(|(name, title)| println!("{name:<20} {title}"));
}

fn compare(flags: &Flags) -> Result<ExitCode, Box<dyn Error>> {
    let scale = if flags.quick { Scale::Quick } else { Scale::Full };
    if ROWS.iter().all(|row| !flags.wants(row.name)) && SERIES.iter().all(|series| !flags.wants(series.name)) {
        return Err("there is nothing of that name: --list shows what there is".into());
    }
    let built = build::build(&flags.peers);
    if flags.wants("http") && wrk::version().is_none() {
        eprintln!("wrk: {}", wrk::MISSING);
    }
    let touched = machine::touch_memory(if flags.quick { 1 << 30 } else { 8 << 30 })?;
    eprintln!("touched and freed {} MiB of memory", touched >> 20);
    let busy = machine::busy_cpus()?;

    let mut report = Report::new(flags, machine::describe(&built), busy, touched);
    for row in ROWS.iter().filter(|row| flags.wants(row.name)) {
        eprint!("{:<20} ", row.name);
        let mut arguments = program::arguments(row.sizes, scale);
        arguments.push("workers=2".to_owned());
        let asked = gather::gather(&built, &flags.peers, flags.runs, row.limit(scale), row.program, &arguments);
        eprintln!();
        report.add_row(row, asked);
    }
    let runs = flags.runs.min(3);
    for series in SERIES.iter().filter(|series| flags.wants(series.name)) {
        eprint!("{:<20} ", series.name);
        report.add_series(series, growth::gather(series, &built, &flags.peers, runs, scale));
        eprintln!();
    }

    let folder = page::folder(flags.whole(), flags.out.clone());
    let generated = report.text(&folder)?;
    println!("{generated}");
    eprintln!("written: {}", page::write(&folder, &generated)?.display());
    Ok(if flags.check && !report.all_met() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
