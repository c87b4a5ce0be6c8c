//! Lists whose buffers were written to, or left in the middle of an operation.

use super::{FITS, attach, busy, fill, index_of};
use crate::base::config::HEADER;
use crate::heap::free_list::Fit;
use crate::special::freelist::Call;
use std::vec::Vec;

#[test]
#[cfg_attr(miri, ignore = "checks a list a great many times")]
fn every_flipped_bit_of_a_word_of_ours_is_told() {
    for fit in FITS {
        let (buffer, list, _model) = busy(fit, 3000);
        let shape = index_of(list).shape();
        let mut ours: Vec<usize> = (0..shape.first() / 8 - 1).map(|word| word * 8).collect();
        // What the process has told valgrind is no part of the list, the padding before the first header is nothing,
        // and a peak may be higher.
        ours.retain(|&at| {
            at != crate::special::freelist::control::WATCHER_AT && at != crate::special::freelist::control::PEAK_AT
        });
        ours.retain(|&at| at < crate::special::freelist::index::head_at(shape.bins()));
        ours.retain(|&at| {
            !(crate::special::freelist::control::MAP_AT + 8..crate::special::freelist::control::HEADS_AT).contains(&at)
        });
        list.walk(|block, usable, in_use| {
            let at = list.offset(block.addr().get()).unwrap();
            ours.push(at - HEADER);
            if !in_use {
                let links = if index_of(list).bin(usable + HEADER).is_some() { 2 } else { 4 };
                ours.extend((0..links).map(|link| at + 8 * link));
                ours.push(at + usable - 8);
            }
            true
        });
        ours.push(shape.end() - HEADER);
        for at in ours {
            let word = buffer.word(at);
            for bit in 0..64 {
                buffer.set_word(at, word ^ 1 << bit);
                let is_bin = at == crate::special::freelist::control::MAP_AT && bit >= shape.bins();
                assert!(list.check().is_some() || is_bin, "{fit:?}: bit {bit} of {at}");
                buffer.set_word(at, word);
            }
        }
        assert_eq!(list.check(), None);
    }
}

#[test]
#[cfg_attr(miri, ignore = "checks a list a great many times")]
fn whatever_stands_in_a_buffer_is_not_followed() {
    for fit in FITS {
        let (buffer, list, _model) = busy(fit, 3000);
        let whole: Vec<u64> = (0..buffer.bytes / 8).map(|word| buffer.word(8 * word)).collect();
        let mut state = 1u64;
        for round in 0..400 {
            for _ in 0..=round % 5 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (to, from) = ((state >> 20) as usize % whole.len(), (state >> 40) as usize % whole.len());
                // Words of this very list, elsewhere.
                buffer.set_word(8 * to, whole[from]);
            }
            let _ = list.check();
            let _ = attach(buffer.start, buffer.bytes);
            whole.iter().enumerate().for_each(|(word, &value)| buffer.set_word(8 * word, value));
        }
        assert_eq!(list.check(), None);
    }
}

#[test]
fn a_list_without_its_index_is_recovered() {
    for fit in FITS {
        let (buffer, list, model) = busy(fit, 20_000);
        let index = index_of(list);
        let figures = list.figures().unwrap();
        list.walk(|block, usable, in_use| {
            if !in_use {
                fill(block, 0x77, usable);
            }
            true
        });
        index.clear();
        buffer.set_word(crate::special::freelist::control::LIVE_AT, 1);
        buffer.set_word(crate::special::freelist::control::STATE_AT, Call::Free as u64);
        assert!(
            list.check()
                .is_some_and(|(what, _)| what.to_str().unwrap().contains("metes_freelist_free was not finished"))
        );
        assert_eq!(list.unfinished(), Some(Call::Free));
        assert!(attach(buffer.start, buffer.bytes).is_some());
        assert!(list.recover());
        model.check(list);
        assert_eq!(list.figures(), Some(figures));
    }
}

#[test]
fn a_list_with_a_damaged_header_is_not_recovered() {
    let (buffer, list, model) = busy(Fit::Best, 5000);
    let at = model.blocks[3].0 - HEADER;
    let word = buffer.word(at);
    buffer.set_word(at, 0x4141_4141_4141_4141);
    assert!(!list.recover());
    assert!(list.check().is_some());
    buffer.set_word(at, word);
    assert!(list.recover());
    model.check(list);
}
