"""cargo and rustc: a small crate built and run; rustc may bring an allocator of its own"""

import os
from pathlib import Path

NEEDS = {"cargo": "cargo", "rustc": "rustc"}

MANIFEST = """
[package]
name = "bounds"
version = "0.1.0"
edition = "2021"

[profile.release]
incremental = false
"""

MAIN = """
mod shapes;

use std::collections::{BTreeMap, HashMap};
use std::thread;

fn words(seed: u64, count: usize) -> Vec<String> {
    let mut state = seed;
    (0..count)
        .map(|n| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            format!("{:x}-{}", state >> 40, n % 17)
        })
        .collect()
}

fn main() {
    let parts: Vec<_> = (1..=4u64)
        .map(|seed| {
            thread::spawn(move || {
                let mut count: HashMap<String, Vec<usize>> = HashMap::new();
                for (n, word) in words(seed, 200_000).into_iter().enumerate() {
                    count.entry(word).or_default().push(n);
                }
                count.into_iter().collect::<BTreeMap<_, _>>()
            })
        })
        .collect();
    for part in parts {
        let tree = part.join().unwrap();
        println!("{} {:?}", tree.len(), tree.iter().next());
    }
    println!("{}", shapes::total());
}
"""

SHAPES = """
pub trait Shape {
    fn name(&self) -> String;
    fn area(&self) -> f64;
}
"""

SHAPE = """
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub struct Shape@ {
    sides: Vec<f64>,
    label: Option<String>,
}
impl Shape for Shape@ {
    fn name(&self) -> String {
        format!("{:?}", self)
    }
    fn area(&self) -> f64 {
        self.sides.iter().zip(self.sides.iter().skip(1)).map(|(a, b)| a * b + @ as f64).sum()
    }
}
"""


def shapes(count):
    boxed = ",".join(f'Box::new(Shape{n} {{ sides: vec![{n}.5; {n} + 2], label: Some("{n}".into()) }})' for n in range(count))
    total = f"""
pub fn total() -> String {{
    let all: Vec<Box<dyn Shape>> = vec![{boxed}];
    let names: usize = all.iter().map(|shape| shape.name().len()).sum();
    format!("{{}} {{:.3}}", names, all.iter().map(|shape| shape.area()).sum::<f64>())
}}
"""
    return SHAPES + "".join(SHAPE.replace("@", str(n)) for n in range(count)) + total


def load(run):
    run.write("Cargo.toml", MANIFEST)
    run.write("src/main.rs", MAIN)
    run.write("src/shapes.rs", shapes(60 * run.scale))
    # The tools may be rustup's, which looks for them in the real home.
    rustup = os.environ.get("RUSTUP_HOME", str(Path.home() / ".rustup"))
    run.call(["cargo", "build", "--release", "--offline", "--quiet"], env={"RUSTUP_HOME": rustup}, calls=1_000)
    run.keep("target/release/bounds")
    run.call(["target/release/bounds"], calls=100_000)
