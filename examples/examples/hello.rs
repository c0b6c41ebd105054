//! A runtime, a goroutine, its result.
//!
//! ```text
//! $ cargo run -p threadle-examples --example hello
//! hello from goroutine 2
//! it said 22 letters
//! ```

fn main() {
    threadle::run(|| {
        let speaker = threadle::go(|| {
            let text = "hello from goroutine 2";
            println!("{text}");
            text.len()
        });
        match speaker.join() {
            Ok(letters) => println!("it said {letters} letters"),
            Err(error) => eprintln!("it did not get through: {error}"),
        }
    });
}
