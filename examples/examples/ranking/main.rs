//! A feed ranked by an expression that users write, as in Stream's article on moving from Python to Go: the expression is parsed to a tree
//! once, goroutines evaluate it over a million activities, each keeps its best, and the bests are merged. Scores are kept until an activity
//! changes.
//!
//! `ranking.py` beside this file is the same in Python. Where there is a `python3`, it ranks the same activities too, and how many times as
//! long it took is printed on stderr (the article's number for Go is 40).
//!
//! ```text
//! $ cargo run --release -p threadle-examples --example ranking
//! simple_gauss(time)*popularity over 1000000 activities
//! the best: 921356 322654 234049 299302 95245 172601 160030 277692 800187 810380
//! ranked again: 0 scores computed
//! after 3 have become popular: 3 scores computed, the best: 7 77 777
//! ```

mod activity;
mod expression;
mod feed;
mod python;

use activity::Activity;
use expression::Expression;
use feed::Feed;
use std::error::Error;
use std::time::Instant;

const ACTIVITIES: usize = 1_000_000;
const BEST: usize = 10;
const EXPRESSION: &str = "simple_gauss(time)*popularity";

fn list(best: &[usize]) -> String {
    best.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (best, took) = threadle::run(|| {
        let mut feed = Feed::new(Expression::parse(EXPRESSION)?, activity::generate(ACTIVITIES));
        println!("{EXPRESSION} over {ACTIVITIES} activities");

        let begun = Instant::now();
        let first = feed.rank(BEST);
        let took = begun.elapsed();
        println!("the best: {}", list(&first.best));

        let again = feed.rank(BEST);
        println!("ranked again: {} scores computed", again.computed);

        for number in [7, 77, 777] {
            feed.change(number, Activity { time: 0.0, popularity: 1e9 / number as f64 });
        }
        let changed = feed.rank(3);
        println!(
            "after 3 have become popular: {} scores computed, the best: {}",
            changed.computed,
            list(&changed.best)
        );
        Ok::<_, Box<dyn Error + Send + Sync>>((first.best, took))
    })?;
    match python::rank(EXPRESSION, ACTIVITIES, BEST)? {
        Some(python) if python.best == best => {
            let ratio = python.seconds / took.as_secs_f64();
            eprintln!(
                "python3 ranks alike, in {:.3} s instead of {:.3} s: {ratio:.0} times",
                python.seconds,
                took.as_secs_f64()
            );
            Ok(())
        }
        Some(python) => Err(format!("python3 has found others best: {}", list(&python.best)).into()),
        None => {
            eprintln!("SKIPPED: no python3 to compare with");
            Ok(())
        }
    }
}
