//! A profile as a page of text: the stacks with the most bytes.

use super::pins::Pin;
use super::sites::{Sites, base_name, function};
use super::{Amount, Profile, Stack, What};
use crate::symbols::Place;
use crate::text::{bytes, count, percent};
use std::fmt::Write;

/// How many frames of a stack are shown.
const FRAMES: usize = 6;

/// The page: at most `most` stacks.
pub fn text(profile: &Profile, sites: &mut Sites, what: What, most: usize) -> String {
    let mut page = String::new();
    let all = profile.amount(what);
    let _ = writeln!(
        page,
        "{} {} in {} blocks, from {} samples, one in {}{}\n",
        bytes(all.bytes),
        what.words(),
        blocks(all),
        count(profile.samples),
        bytes(profile.rate),
        lost(profile)
    );
    let mut stacks: Vec<_> = profile.stacks.iter().filter(|stack| stack.amount(what).bytes != 0).collect();
    stacks.sort_by_key(|stack| std::cmp::Reverse(stack.amount(what).bytes));
    for stack in stacks.iter().take(most) {
        let amount = stack.amount(what);
        let _ = writeln!(
            page,
            "{:>10} {:>6}  in {} blocks{}",
            bytes(amount.bytes),
            percent(amount.bytes, all.bytes),
            blocks(amount),
            life(stack)
        );
        frames(&mut page, &sites.stack(stack), stack.is_cut);
    }
    if stacks.len() > most {
        let rest: u64 = stacks[most..].iter().map(|stack| stack.amount(what).bytes).sum();
        let _ = writeln!(page, "and {} stacks more with {}", stacks.len() - most, bytes(rest));
    }
    page
}

/// What samples that were lost mean for the rest.
fn lost(profile: &Profile) -> String {
    match profile.dropped.iter().sum::<u64>() {
        0 => String::new(),
        lost => format!("; {} samples were lost, as there was no room for them", count(lost)),
    }
}

fn blocks(amount: Amount) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate, from 0 on")]
    count(amount.blocks.round() as u64)
}

/// How long the stack's freed samples have lived.
fn life(stack: &Stack) -> String {
    match stack.ended() {
        0 => String::new(),
        ended => format!(", those freed lived {}", time(stack.lives / ended)),
    }
}

fn time(milliseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    match milliseconds {
        0 => "less than a millisecond".into(),
        1..1000 => format!("{milliseconds} ms"),
        1000..120_000 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        _ => format!("{} min", milliseconds / 60_000),
    }
}

/// Adds the innermost frames of a stack, a line each.
pub fn frames(page: &mut String, places: &[Place], is_cut: bool) {
    for place in places.iter().take(FRAMES) {
        let at = match (&place.file, place.line) {
            (Some(file), Some(line)) => format!("  {}:{line}", base_name(file)),
            _ => String::new(),
        };
        let _ = writeln!(page, "                     {}{at}", function(place));
    }
    let more = places.len().saturating_sub(FRAMES);
    if more != 0 {
        let _ = writeln!(page, "                     ... {more} frames{}", if is_cut { " or more" } else { "" });
    }
    page.push('\n');
}

/// The profile as one JSON object.
pub fn json(profile: &Profile, sites: &mut Sites, what: What) -> String {
    let mut stacks: Vec<_> =
        profile.stacks.iter().filter(|stack| stack.samples != 0 || stack.amount(what).bytes != 0).collect();
    stacks.sort_by_key(|stack| std::cmp::Reverse(stack.amount(what).bytes));
    let stacks: Vec<_> = stacks.iter().map(|stack| {
        let frames: Vec<_> = sites.stack(stack).iter().map(|place| {
            serde_json::json!({ "function": place.function, "file": place.file, "line": place.line })
        }).collect();
        let amount = |what: What| serde_json::json!({ "blocks": stack.amount(what).blocks, "bytes": stack.amount(what).bytes });
        serde_json::json!({
            "in_use": amount(What::InUse), "allocated": amount(What::Allocated), "peak": amount(What::Peak),
            "samples": stack.samples, "lived_ms": stack.lives, "ended": stack.ended(), "is_cut": stack.is_cut, "frames": frames,
        })
    }).collect();
    let all = serde_json::json!({
        "pid": profile.pid, "rate_bytes": profile.rate, "lasted_ms": profile.lasted, "samples": profile.samples,
        "dropped": profile.dropped, "peak_bytes": profile.peak.0, "peak_ms": profile.peak.1, "stacks": stacks,
    });
    format!("{all}\n")
}

/// The stacks that hold the most pages whose other bytes are free.
pub fn pins(profile: &Profile, sites: &mut Sites, pins: &[Pin], free: u64, most: usize) -> String {
    let mut page = String::new();
    let held: u64 = pins.iter().map(|pin| pin.pinned).sum();
    let _ = writeln!(
        page,
        "{} is free in slabs, on pages that blocks in use hold; of it the samples explain {}{}\n",
        bytes(free),
        bytes(held),
        lost(profile)
    );
    for pin in pins.iter().take(most) {
        let Some(stack) = profile.stacks.iter().find(|stack| stack.index == pin.stack) else { continue };
        let _ = writeln!(
            page,
            "holds {}, pins {}: {} blocks on about {} pages",
            bytes(pin.held),
            bytes(pin.pinned),
            blocks(Amount { blocks: pin.blocks, bytes: 0 }),
            count(pin.pages)
        );
        frames(&mut page, &sites.stack(stack), stack.is_cut);
    }
    if pins.is_empty() {
        page.push_str("no sample is in a slab with free pages\n");
    }
    page
}
