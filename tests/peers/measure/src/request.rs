use std::collections::BTreeMap;
use std::str::FromStr;

/// What the runner asks for: a program, and how much of everything.
#[derive(Clone, Debug)]
pub struct Request {
    program: String,
    values: BTreeMap<String, String>,
}

impl Request {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    ///
    /// Where there is no program, or an argument after it is not `KEY=VALUE`.
    pub fn from_arguments() -> Result<Request, String> {
        Request::parse(std::env::args().skip(1))
    }

    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Request, String> {
        let program = arguments.next().ok_or("arguments: PROGRAM KEY=VALUE ..")?;
        let pair = |argument: String| match argument.split_once('=') {
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => Err(format!("not KEY=VALUE: {argument}")),
        };
        Ok(Request { program, values: arguments.map(pair).collect::<Result<_, _>>()? })
    }

    /// Which program.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The text behind `key`, if it was given.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The number behind `key`. There is no default: how much of everything is the runner's to say, so that it is the same everywhere.
    ///
    /// # Panics
    ///
    /// If it was not given, or is none.
    pub fn number<N: FromStr>(&self, key: &str) -> N {
        let text = self.text(key).unwrap_or_else(|| panic!("{}: {key}=NUMBER is missing", self.program));
        text.parse().unwrap_or_else(|_| panic!("{}: {key}={text} is not a number", self.program))
    }

    /// How many threads run tasks.
    ///
    /// # Panics
    ///
    /// If that was not said.
    pub fn workers(&self) -> usize {
        self.number("workers")
    }

    /// The arguments of a process that is to run `program` with the same numbers.
    pub(crate) fn arguments_for(&self, program: &str) -> Vec<String> {
        let pairs = self.values.iter().map(|(key, value)| format!("{key}={value}"));
        std::iter::once(program.to_owned()).chain(pairs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    fn parse(words: &str) -> Result<Request, String> {
        Request::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_request_is_a_program_and_numbers() {
        let request = parse("yield workers=2 goroutines=100").expect("it is well formed");
        assert_eq!((request.program(), request.workers(), request.number::<u64>("goroutines")), ("yield", 2, 100));
        assert_eq!(request.text("mode"), None);
        assert_eq!(request.arguments_for("serve"), ["serve", "goroutines=100", "workers=2"]);
    }

    #[test]
    fn what_is_not_a_request_says_why() {
        assert!(parse("").is_err());
        assert!(parse("yield workers").expect_err("there is no value").contains("workers"));
    }

    #[test]
    #[should_panic(expected = "yield: rounds=NUMBER is missing")]
    fn a_number_that_is_missing_is_named() {
        parse("yield workers=2").expect("it is well formed").number::<u64>("rounds");
    }
}
