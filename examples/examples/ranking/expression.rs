//! Score expressions: `simple_gauss(time)*popularity`, parsed to a tree once and evaluated for each activity.
//!
//! ```text
//! sum     = product { ("+" | "-") product }
//! product = factor { ("*" | "/") factor }
//! factor  = ["-"] (number | field | function "(" sum ")" | "(" sum ")")
//! ```

use super::activity::Activity;
use std::error::Error;
use std::fmt;
use std::str::Chars;

type Function = fn(f64) -> f64;
type Operator = fn(f64, f64) -> f64;

/// One node with what is below it.
#[derive(Debug)]
pub(crate) enum Expression {
    Constant(f64),
    Time,
    Popularity,
    Negative(Box<Expression>),
    Call(Function, Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// What is wrong with an expression, and at which character.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    at: usize,
    wrong: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {} of the expression: {}", self.at, self.wrong)
    }
}

impl Error for ParseError {}

/// So deep may an expression be nested: a parser that calls itself must not be led beyond its stack.
const DEEPEST: usize = 100;

/// How far from now something half as interesting is, in days.
const HALF_WIDTH: f64 = 5.0;

fn function(name: &str) -> Option<Function> {
    Some(match name {
        "simple_gauss" => |x| (-(x / HALF_WIDTH).powi(2)).exp(),
        "decay_linear" => |x| (1.0 - x / HALF_WIDTH).max(0.0),
        "decay_exp" => |x| (-x / HALF_WIDTH).exp(),
        "ln" => f64::ln,
        "sqrt" => f64::sqrt,
        "abs" => f64::abs,
        _ => return None,
    })
}

impl Expression {
    /// # Errors
    ///
    /// What is wrong, and where.
    pub(crate) fn parse(text: &str) -> Result<Expression, ParseError> {
        let mut parser = Parser { text, left: text.chars(), depth: 0 };
        let expression = parser.sum()?;
        match parser.peek() {
            None => Ok(expression),
            Some(other) => Err(parser.error(format!("an operator is missing before {other:?}"))),
        }
    }

    /// The score of an activity.
    pub(crate) fn evaluate(&self, activity: &Activity) -> f64 {
        match self {
            Expression::Constant(number) => *number,
            Expression::Time => activity.time,
            Expression::Popularity => activity.popularity,
            Expression::Negative(of) => -of.evaluate(activity),
            Expression::Call(function, of) => function(of.evaluate(activity)),
            Expression::Binary(operator, left, right) => operator(left.evaluate(activity), right.evaluate(activity)),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    left: Chars<'a>,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<char> {
        let rest = self.left.as_str().trim_start();
        self.left = rest.chars();
        rest.chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.left.next();
        }
        found
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let rest = self.left.as_str();
        let end = rest.find(|letter| !belongs(letter)).unwrap_or(rest.len());
        self.left = rest[end..].chars();
        rest[..end].to_owned()
    }

    fn error(&self, wrong: impl Into<String>) -> ParseError {
        ParseError { at: self.text.chars().count() - self.left.clone().count() + 1, wrong: wrong.into() }
    }

    fn binary(
        &mut self,
        operators: &[(char, Operator)],
        operand: fn(&mut Self) -> Result<Expression, ParseError>,
    ) -> Result<Expression, ParseError> {
        let mut left = operand(self)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.take(*sign)) {
            left = Expression::Binary(*operator, Box::new(left), Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expression, ParseError> {
        self.binary(&[('+', |a, b| a + b), ('-', |a, b| a - b)], Parser::product)
    }

    fn product(&mut self) -> Result<Expression, ParseError> {
        self.binary(&[('*', |a, b| a * b), ('/', |a, b| a / b)], Parser::factor)
    }

    fn factor(&mut self) -> Result<Expression, ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("it is nested too deeply"));
        }
        let factor = self.nested_factor();
        self.depth -= 1;
        factor
    }

    fn nested_factor(&mut self) -> Result<Expression, ParseError> {
        if self.take('-') {
            return Ok(Expression::Negative(Box::new(self.factor()?)));
        }
        if self.take('(') {
            return self.parenthesis();
        }
        match self.peek() {
            Some(first) if first.is_ascii_digit() => {
                let here = self.error("no number");
                let number = self.word(|letter| letter.is_ascii_digit() || letter == '.');
                number
                    .parse()
                    .map(Expression::Constant)
                    .map_err(|_| ParseError { wrong: format!("{number} is no number"), ..here })
            }
            Some(first) if first.is_ascii_alphabetic() => {
                let here = self.error("unknown");
                let name = self.word(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                match (name.as_str(), function(&name)) {
                    ("time", _) => Ok(Expression::Time),
                    ("popularity", _) => Ok(Expression::Popularity),
                    (_, Some(function)) if self.take('(') => {
                        Ok(Expression::Call(function, Box::new(self.parenthesis()?)))
                    }
                    (_, Some(_)) => Err(self.error(format!("{name} needs a parenthesis"))),
                    (_, None) => Err(ParseError { wrong: format!("nothing is called {name}"), ..here }),
                }
            }
            Some(other) => Err(self.error(format!("nothing begins with {other:?}"))),
            None => Err(self.error("it ends too early")),
        }
    }

    fn parenthesis(&mut self) -> Result<Expression, ParseError> {
        let inside = self.sum()?;
        if self.take(')') { Ok(inside) } else { Err(self.error("a closing parenthesis is missing")) }
    }
}
