//! Pages of all sizes.

use super::super::block::NODE;
use super::{Bench, bytes};
use crate::base::align;
use crate::base::config::HEADER;
use crate::heap::free_list::Fit;
use crate::sys::fake::{Fake, are_all};
use crate::sys::page_calls;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// The page sizes of the supported kernels; or the one that stands in for the kernel's.
pub(crate) fn page_sizes() -> Vec<usize> {
    page_calls::PAGE.map_or(vec![4 << 10, 16 << 10, 64 << 10], |page| vec![page])
}

pub(crate) fn page_size() -> impl Strategy<Value = usize> {
    prop::sample::select(page_sizes())
}

/// The first block starts within a page and ends within one. Just the whole pages between go, and no others change.
#[test]
fn a_free_block_gives_back_its_whole_pages_of_any_size() {
    for page in page_sizes() {
        let mut bench = Bench::on(Fake::with_pages(16 << 20, page), Fit::First);
        for size in [page, 2 * page, 5 * page + 1000] {
            let blocks = [3000, size, 3000].map(|size| bench.heap.alloc(size).unwrap());
            blocks.iter().for_each(|fresh| bytes(fresh.block, fresh.usable).fill(0x5a));
            let (start, end) = (blocks[1].block, blocks[1].block + blocks[1].usable);
            bench.heap.free(start).unwrap();
            let whole = align::down(end - HEADER, page).saturating_sub(align::up(start + NODE, page));
            assert_eq!(bench.heap.trim(), whole, "{size} {page}");
            assert!(bytes(start, end - start).iter().filter(|&&byte| byte != 0x5a).count() >= whole);
            let rest = |range: core::ops::Range<usize>| are_all(bytes(range.start, range.len()), 0x5a);
            let first = align::up(start + NODE, page).min(end - HEADER);
            assert!(
                rest(start + NODE..first) && rest((first + whole).max(start + NODE)..end - HEADER),
                "{size} {page}"
            );
            assert!([0, 2].into_iter().all(|at| rest(blocks[at].block..blocks[at].block + blocks[at].usable)));
            bench.check();
            for at in [0, 2] {
                bench.heap.free(blocks[at].block).unwrap();
            }
            bench.check();
        }
        bench.finish();
    }
}
