//! Derivatives of expressions, whose trees are in an arena: nodes lead to each other by plain references, are never
//! freed one by one, and all go at a reset. What an evaluation needs in between goes at the end of a scope.
//!
//!     cargo run --example expressions -- 'x * x * x + 2 * x' 3

use metes::{Arena, ArenaScope};

#[derive(Clone, Copy)]
enum Expression<'a> {
    Number(f64),
    X,
    Sum(&'a Expression<'a>, &'a Expression<'a>),
    Product(&'a Expression<'a>, &'a Expression<'a>),
}

use Expression::{Number, Product, Sum, X};

struct Parser<'a, 't> {
    arena: &'a Arena<'static>,
    words: std::iter::Peekable<std::str::Chars<'t>>,
}

impl<'a> Parser<'a, '_> {
    /// The next sign that is no blank.
    fn next(&mut self) -> Option<char> {
        while self.words.next_if(|next| next.is_whitespace()).is_some() {}
        self.words.peek().copied()
    }

    fn takes(&mut self, sign: char) -> bool {
        self.next() == Some(sign) && self.words.next().is_some()
    }

    fn sum(&mut self) -> Option<&'a Expression<'a>> {
        let mut left = self.product()?;
        while self.takes('+') {
            left = self.arena.alloc(Sum(left, self.product()?));
        }
        Some(left)
    }

    fn product(&mut self) -> Option<&'a Expression<'a>> {
        let mut left = self.factor()?;
        while self.takes('*') {
            left = self.arena.alloc(Product(left, self.factor()?));
        }
        Some(left)
    }

    fn factor(&mut self) -> Option<&'a Expression<'a>> {
        if self.takes('(') {
            let inner = self.sum()?;
            return self.takes(')').then_some(inner);
        }
        if self.takes('x') {
            return Some(self.arena.alloc(X));
        }
        let mut number = 0.0;
        let mut digits = 0;
        while let Some(digit) = self.words.next_if(char::is_ascii_digit) {
            number = number * 10.0 + f64::from(digit.to_digit(10)?);
            digits += 1;
        }
        (digits > 0).then(|| &*self.arena.alloc(Number(number)))
    }
}

/// The tree of a text; `None` if it is no expression. What of it was parsed stays until the next reset.
fn parse<'a>(arena: &'a Arena<'static>, text: &str) -> Option<&'a Expression<'a>> {
    let mut parser = Parser { arena, words: text.chars().peekable() };
    let tree = parser.sum()?;
    parser.next().is_none().then_some(tree)
}

/// The derivative, in the scope: it shares what it can with the expression that it is of.
fn derivative<'s>(scope: &ArenaScope<'s>, of: &'s Expression<'s>) -> &'s Expression<'s> {
    scope.alloc(match *of {
        Number(_) => Number(0.0),
        X => Number(1.0),
        Sum(left, right) => Sum(derivative(scope, left), derivative(scope, right)),
        Product(left, right) => Sum(
            scope.alloc(Product(derivative(scope, left), right)),
            scope.alloc(Product(left, derivative(scope, right))),
        ),
    })
}

fn value(of: &Expression<'_>, x: f64) -> f64 {
    match of {
        Number(number) => *number,
        X => x,
        Sum(left, right) => value(left, x) + value(right, x),
        Product(left, right) => value(left, x) * value(right, x),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let text = arguments.next().unwrap_or("x * x * x + 2 * (x + 7)".into());
    let x = arguments.next().map_or(3.0, |x| x.parse().expect("a number"));
    let is_default = std::env::args().len() == 1;

    let (mut trees, mut scratch) = (Arena::new(), Arena::new());
    let tree = parse(&trees, &text).expect("sums and products of numbers and x");
    // Each derivative is there for as long as its scope.
    let (first, second) = scratch.scope(|scope| {
        let first = derivative(scope, tree);
        (value(first, x), value(derivative(scope, first), x))
    });
    println!("{text} at {x}: {}, rising by {first}, and that by {second}", value(tree, x));
    assert!(!is_default || (value(tree, x), first, second) == (47.0, 29.0, 18.0));
    assert_eq!(scratch.used(), 0, "the scope has taken all back");

    // The same memory serves one tree after the other.
    trees.reset();
    let held = trees.held();
    for round in 1..=1000_u32 {
        let text = format!("{round} * x");
        let tree = parse(&trees, &text).expect("a product");
        assert_eq!(value(tree, 2.0), f64::from(2 * round));
        assert!(parse(&trees, "2 * (x").is_none());
        trees.reset();
    }
    println!("a thousand more trees, and the arena still has {} bytes", trees.held());
    assert_eq!((trees.held(), trees.check()), (held, Ok(())));
}
