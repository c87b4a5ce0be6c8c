//! Plans of traces that are made by hand.

use super::*;

/// A call of a thread; `block` and `old` as in events.
fn event(thread: u32, call: Call, block: u64, old: u64, size: u64) -> Event {
    Event { at: 0, thread, call, block, old, address: 0, size, align: 0, stack: 0 }
}

fn malloc(thread: u32, block: u64, size: u64) -> Event {
    event(thread, Call::Malloc, block, 0, size)
}

fn free(thread: u32, block: u64) -> Event {
    event(thread, Call::Free, 0, block, 0)
}

fn plan(events: &[Event], most_lanes: usize, marks: &[u64]) -> (Plan, Vec<(Kind, u32, u64)>) {
    let mut outline = Outline::default();
    events.iter().for_each(|event| outline.add(event));
    let mut planner = Planner::new(Vec::new(), outline, most_lanes, marks);
    events.iter().for_each(|event| planner.add(event).unwrap());
    let (plan, bytes) = planner.finish().unwrap();
    let kinds = [
        Kind::Turn,
        Kind::Start,
        Kind::End,
        Kind::Join,
        Kind::Finish,
        Kind::Malloc,
        Kind::Calloc,
        Kind::Aligned,
        Kind::Realloc,
        Kind::Free,
    ];
    let op = |op: &[u8]| {
        let slot = u32::from_ne_bytes(op[..4].try_into().unwrap());
        (kinds[usize::from(op[4]) - 1], slot, u64::from_ne_bytes(op[8..].try_into().unwrap()))
    };
    let ops: Vec<_> = bytes.chunks(size_of::<Op>()).map(op).collect();
    assert_eq!(plan.ops, ops.len() as u64);
    (plan, ops)
}

#[test]
fn slots_are_used_again() {
    let events = [malloc(0, 1, 10), malloc(0, 2, 20), free(0, 1), malloc(0, 3, 5), free(0, 2), free(0, 3)];
    let (plan, ops) = plan(&events, 8, &[]);
    assert_eq!((plan.slots, plan.lanes, plan.calls, plan.left_out), (2, 1, 6, 0));
    let wanted = [
        (Kind::Turn, 0, 6),
        (Kind::Malloc, 0, 10),
        (Kind::Malloc, 1, 20),
        (Kind::Free, 0, 0),
        (Kind::Malloc, 0, 5),
        (Kind::Free, 1, 0),
        (Kind::Free, 0, 0),
        (Kind::Finish, 0, 0),
    ];
    assert_eq!(ops, wanted);
    // The peak is behind the second call, before the third operation of the turn.
    assert_eq!(plan.peak(), Moment { op: 3, call: 2, at: 0, live: 30 });
    assert_eq!((plan.end.op, plan.end.call, plan.end.live), (7, 6, 0));
}

#[test]
fn realloc_keeps_its_slot_and_what_is_not_in_the_trace_is_left_out() {
    let events = [
        malloc(0, 1, 10),
        event(0, Call::Realloc, 2, 1, 100),
        // Of null, or of a block from before the trace.
        event(0, Call::Realloc, 3, 0, 7),
        // One that failed left its block.
        event(0, Call::Realloc, 0, 2, 1 << 40),
        malloc(0, 0, 1 << 40),
        free(0, 0),
        // To size 0.
        event(0, Call::Realloc, 0, 3, 0),
        free(0, 2),
    ];
    let (plan, ops) = plan(&events, 8, &[]);
    let wanted = [
        (Kind::Turn, 0, 5),
        (Kind::Malloc, 0, 10),
        (Kind::Realloc, 0, 100),
        (Kind::Malloc, 1, 7),
        (Kind::Free, 1, 0),
        (Kind::Free, 0, 0),
        (Kind::Finish, 0, 0),
    ];
    assert_eq!(ops, wanted);
    assert_eq!((plan.calls, plan.left_out, plan.peak().live, plan.end.live), (5, 3, 107, 0));
}

#[test]
fn threads_take_turns_and_live_from_their_first_call_to_their_last() {
    let events = [malloc(0, 1, 10), malloc(1, 2, 20), free(1, 1), malloc(0, 3, 30), malloc(2, 4, 40), free(0, 2)];
    let wanted = [
        (Kind::Turn, 0, 1),
        (Kind::Malloc, 0, 10),
        (Kind::Start, 1, 0),
        // What the first thread has allocated, the second one frees.
        (Kind::Turn, 1, 2),
        (Kind::Malloc, 1, 20),
        (Kind::Free, 0, 0),
        (Kind::End, 1, 0),
        (Kind::Turn, 0, 1),
        (Kind::Join, 1, 0),
        (Kind::Malloc, 0, 30),
        // The third thread has the second one's lane.
        (Kind::Start, 1, 0),
        (Kind::Turn, 1, 1),
        (Kind::Malloc, 2, 40),
        (Kind::End, 1, 0),
        (Kind::Turn, 0, 1),
        (Kind::Join, 1, 0),
        (Kind::Free, 1, 0),
        (Kind::Finish, 0, 0),
    ];
    let (made, ops) = plan(&events, 8, &[]);
    assert_eq!(ops, wanted);
    assert_eq!((made.lanes, made.turns, made.calls), (2, 5, 6));
    let (alone, ops) = plan(&events, 1, &[]);
    assert_eq!((alone.lanes, alone.turns, ops.len()), (1, 1, 8));
}

#[test]
fn moments_are_where_most_is_live_and_where_somebody_stops() {
    let count = 10 * MOMENTS;
    let events: Vec<_> = (0..count)
        .map(|n| {
            if n % 10 == 7 {
                malloc(0, n + 1, 1000)
            } else if n % 10 == 9 {
                free(0, n - 1)
            } else {
                malloc(0, n + 1, 1)
            }
        })
        .collect();
    let (plan, ops) = plan(&events, 8, &[0, count / 2, count]);
    assert_eq!(plan.moments.len() as u64, MOMENTS);
    // Behind the ninth call of each part.
    assert!(plan.moments.iter().enumerate().all(|(n, moment)| moment.call == 10 * n as u64 + 9), "{:?}", plan.moments);
    assert!(plan.moments.iter().all(|moment| ops[moment.op as usize].0 == Kind::Free));
    let calls: Vec<_> = plan.marked.iter().map(|moment| (moment.call, moment.op)).collect();
    assert_eq!(calls, [(0, 1), (count / 2, 1 + count / 2), (count, 1 + count)]);
    // A turn that is longer than others is cut, and goes on in the same lane.
    let many: Vec<_> = (0..LONGEST as u64 + 10).map(|n| malloc(0, n + 1, 1)).collect();
    let (plan, ops) = super::tests::plan(&many, 8, &[]);
    assert_eq!((plan.turns, ops[LONGEST + 1]), (2, (Kind::Turn, 0, 10)));
}
