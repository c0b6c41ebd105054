//! Activities with their scores.

use super::activity::Activity;
use super::expression::Expression;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Activities a goroutine ranks: enough that starting it does not count, few enough that the last one is not waited for.
const SHARE: usize = 10_000;

/// See the module.
pub(crate) struct Feed {
    expression: Expression,
    activities: Vec<Activity>,
    /// None: not computed since the activity changed.
    scores: Vec<Option<f64>>,
}

/// The numbers of the best activities, the best first.
pub(crate) struct Ranking {
    pub(crate) best: Vec<usize>,
    /// How many scores were not known yet.
    pub(crate) computed: usize,
}

/// By score, and of equal ones the earlier.
#[derive(PartialEq)]
struct Entry {
    score: f64,
    number: Reverse<usize>,
}

impl Eq for Entry {}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        self.score.total_cmp(&other.score).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The best of what it is given, as many as are wanted.
struct Best {
    wanted: usize,
    /// The worst of them on top.
    entries: BinaryHeap<Reverse<Entry>>,
}

impl Best {
    fn new(wanted: usize) -> Best {
        Best { wanted, entries: BinaryHeap::new() }
    }

    fn consider(&mut self, entry: Entry) {
        if self.entries.len() < self.wanted {
            self.entries.push(Reverse(entry));
        } else if let Some(mut worst) = self.entries.peek_mut()
            && worst.0 < entry
        {
            *worst = Reverse(entry);
        }
    }
}

impl Feed {
    pub(crate) fn new(expression: Expression, activities: Vec<Activity>) -> Feed {
        let scores = vec![None; activities.len()];
        Feed { expression, activities, scores }
    }

    /// Another activity takes the place of this one.
    pub(crate) fn change(&mut self, number: usize, activity: Activity) {
        self.activities[number] = activity;
        self.scores[number] = None;
    }

    /// The `wanted` best.
    pub(crate) fn rank(&mut self, wanted: usize) -> Ranking {
        let Feed { expression, activities, scores } = self;
        let shares = activities.chunks(SHARE).zip(scores.chunks_mut(SHARE)).enumerate();
        // Each goroutine borrows its share of the feed, which is back when the scope ends.
        threadle::scope(|scope| {
            let goroutines: Vec<_> = shares
                .map(|(share, (activities, scores))| {
                    let expression = &*expression;
                    scope.go(move || rank_share(expression, share * SHARE, activities, scores, wanted))
                })
                .collect();
            let mut computed = 0;
            let mut best = Best::new(wanted);
            for goroutine in goroutines {
                // Its panic is the scope's.
                if let Ok((share, count)) = goroutine.join() {
                    computed += count;
                    share.entries.into_iter().for_each(|Reverse(entry)| best.consider(entry));
                }
            }
            let best = best.entries.into_sorted_vec().into_iter().map(|Reverse(entry)| entry.number.0).collect();
            Ranking { best, computed }
        })
    }
}

fn rank_share(
    expression: &Expression,
    first: usize,
    activities: &[Activity],
    scores: &mut [Option<f64>],
    wanted: usize,
) -> (Best, usize) {
    let mut computed = 0;
    let mut best = Best::new(wanted);
    for (number, (activity, score)) in activities.iter().zip(scores).enumerate() {
        let score = *score.get_or_insert_with(|| {
            computed += 1;
            expression.evaluate(activity)
        });
        best.consider(Entry { score, number: Reverse(first + number) });
    }
    (best, computed)
}
