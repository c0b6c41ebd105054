//! A request and what it started: cancelling the one cancels the others, with the reason, however deep they are.
//!
//! ```text
//! $ cargo run -p threadle-examples --example context_tree
//! what ann's request started has stopped: context cancelled, for the client hung up
//! a deadline of its own: context deadline exceeded
//! ```

use std::time::Duration;
use threadle::context::Context;
use threadle::{JoinError, chan, go, select};

/// The name of who asked, which travels with the request.
struct Client(&'static str);

/// Works until its context is done; why it is.
fn work(context: &Context) -> String {
    let work_done = chan::never::<()>();
    select! {
        recv(work_done) -> _ => {}
        recv(context.done()) -> _ => {}
    }
    match (context.err(), context.cause()) {
        (Some(error), Some(cause)) => format!("{error}, for {cause}"),
        (Some(error), None) => error.to_string(),
        (None, _) => "nothing has stopped it".to_owned(),
    }
}

fn main() -> Result<(), JoinError> {
    threadle::run(|| {
        let (request, cancel) = Context::background().with_value(Client("ann")).with_cancel();
        let workers: Vec<_> = (0..3)
            .map(|depth| {
                let mut context = request.clone();
                for _ in 0..depth {
                    context = context.with_timeout(Duration::from_secs(60)).0;
                }
                go(move || work(&context))
            })
            .collect();
        cancel.cancel_with("the client hung up");
        let mut causes = Vec::new();
        for worker in workers {
            causes.push(worker.join()?);
        }
        causes.dedup();
        let client = request.value::<Client>().map_or("nobody", |client| client.0);
        println!("what {client}'s request started has stopped: {}", causes.join(", "));

        let (brief, _cancel) = Context::background().with_timeout(Duration::from_millis(5));
        println!("a deadline of its own: {}", work(&brief));
        Ok(())
    })
}
