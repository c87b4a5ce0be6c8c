//! A Rust program whose allocator is metes: this one looks at itself.

mod seen;

use std::hint::black_box;

#[global_allocator]
static ALLOCATOR: metes::Metes = metes::Metes;

#[test]
fn a_rust_program_is_seen() {
    let held: Vec<Box<[u8; 3000]>> = (0..1000).map(|_| black_box(Box::new([1; 3000]))).collect();
    let output = seen::metes(&["stats", "--json", &std::process::id().to_string()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stats: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let classes = stats["usage"]["classes"].as_array().unwrap();
    let class = classes.iter().find(|class| class["size"] == 3072).unwrap();
    assert!(class["objects"].as_u64().unwrap() >= held.len() as u64, "{class}");
    let (sum, rss) = (seen::together(&stats), stats["usage"]["rss"].as_u64().unwrap());
    assert!(sum.abs_diff(rss) <= rss / 20, "{sum} of {rss} are known");
}
