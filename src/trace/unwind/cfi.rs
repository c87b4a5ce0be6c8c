//! Rules from a module's unwind information, the DWARF tables in `.eh_frame`, read by `gimli`: about a
//! microsecond each.

#![allow(unsafe_code)]

use super::machine;
use super::rule::{Kind, Rule};
use crate::base::pointer;
use crate::trace::modules::{self, Module};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Acquire, Release};
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, Error, FrameDescriptionEntry, NativeEndian, Pointer,
    ReaderOffset, Register, RegisterRule, UnwindContext, UnwindContextStorage, UnwindExpression, UnwindSection,
    UnwindTableRow,
};

type Section = EndianSlice<'static, NativeEndian>;
type Frames = EhFrame<Section>;
type Row = UnwindTableRow<usize, InPlace>;
type Context = UnwindContext<usize, InPlace>;

/// Memory for reading a table: some 3 KiB. Machines save fewer registers than fit here, and compilers nest states two
/// deep. Some rows are copied over the stack.
struct InPlace;

impl<T: ReaderOffset> UnwindContextStorage<T> for InPlace {
    type Rules = [(Register, RegisterRule<T>); machine::SAVED];
    type Stack = [UnwindTableRow<T, Self>; 5];
}

/// The rule for an address in a module.
#[cold]
#[inline(never)]
pub fn rule(module: &Module, pc: usize) -> Rule {
    read(module, pc).unwrap_or(Rule::plain(Kind::Unknown))
}

fn read(module: &Module, pc: usize) -> gimli::Result<Rule> {
    let Found { bases, frames, function } = find(module, pc)?;
    if function.is_signal_trampoline() {
        return Ok(Rule::plain(Kind::Signal));
    }
    with_context(|context| {
        let row = function.unwind_info_for_address(&frames, &bases, context, pc as u64)?;
        Ok(of_row(row, &frames, pc).unwrap_or(Rule::plain(Kind::Unknown)))
    })
}

/// What a module says of the function that an address is in.
struct Found {
    bases: BaseAddresses,
    frames: Frames,
    function: FrameDescriptionEntry<Section>,
}

/// Looks for it. Its own function, so that the stack that this takes is free again.
#[inline(never)]
fn find(module: &Module, pc: usize) -> gimli::Result<Found> {
    let header = module.unwind;
    let bases = BaseAddresses::default().set_eh_frame_hdr(header as u64);
    let parsed = EhFrameHdr::from(section(module, header)?).parse(&bases, size_of::<usize>() as u8)?;
    let Pointer::Direct(start) = parsed.eh_frame_ptr() else { return Err(Error::UnsupportedPointerEncoding) };
    let bases = bases.set_eh_frame(start);
    let frames = EhFrame::from(section(module, start as usize)?);
    let table = parsed.table().ok_or(Error::NoUnwindInfoForAddress)?;
    let function = table.fde_for_address(&frames, &bases, pc as u64, EhFrame::cie_from_offset)?;
    Ok(Found { bases, frames, function })
}

/// A context that is not on the stack: a thread of the least size and a signal's alternate stack have little to spare.
struct Room {
    is_taken: AtomicBool,
    context: UnsafeCell<MaybeUninit<Context>>,
}

// SAFETY: the context is used only by who has set `is_taken`.
unsafe impl Sync for Room {}

/// For threads, and signal handlers, that read tables at the same time. A child that was forked within keeps one taken.
static ROOMS: [Room; 4] =
    [const { Room { is_taken: AtomicBool::new(false), context: UnsafeCell::new(MaybeUninit::uninit()) } }; 4];

/// Calls `f` with a context. Where no room is free it is on the stack: nobody waits.
fn with_context<T>(f: impl FnOnce(&mut Context) -> T) -> T {
    let Some(room) = ROOMS.iter().find(|room| !room.is_taken.swap(true, Acquire)) else { return with_own(f) };
    // SAFETY: `is_taken` was not set, so nobody else uses it until it is reset below.
    let result = f(begin(unsafe { &mut *room.context.get() }));
    room.is_taken.store(false, Release);
    result
}

/// A new context. Its own function, so that the stack that this takes is free again.
#[inline(never)]
fn begin(place: &mut MaybeUninit<Context>) -> &mut Context {
    place.write(Context::new_in())
}

/// The same on the stack. Its own function: else the stack would be used in any case.
#[inline(never)]
fn with_own<T>(f: impl FnOnce(&mut Context) -> T) -> T {
    f(&mut Context::new_in())
}

/// The mapped bytes of a module from an address on.
fn section(module: &Module, start: usize) -> gimli::Result<Section> {
    let end = modules::segment_end(module, start).ok_or(Error::NoUnwindInfoForAddress)?;
    // SAFETY: the segment is mapped. As it has unwind information, it is neither written to nor
    // unmapped while code of the module runs.
    let bytes = unsafe { core::slice::from_raw_parts(pointer::at(start), end - start) };
    Ok(EndianSlice::new(bytes, NativeEndian))
}

/// A row as a rule, if it is of a kind that compilers write.
fn of_row(row: &Row, frames: &Frames, pc: usize) -> Option<Rule> {
    let saved = |register| row.registers().find(|(saved, _)| *saved == register).map(|(_, rule)| rule);
    let ra = match saved(machine::RA) {
        // The return address is not saved: it is in the link register, or nowhere.
        None | Some(RegisterRule::SameValue) if machine::HAS_LINK_REGISTER => None,
        None | Some(RegisterRule::Undefined) => return Some(Rule::plain(Kind::End)),
        Some(RegisterRule::Offset(offset)) => Some(*offset),
        Some(_) => return None,
    };
    let (kind, offset) = match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } if *register == machine::SP => (Kind::FromSp, *offset),
        CfaRule::RegisterAndOffset { register, offset } if *register == machine::FP => (Kind::FromFp, *offset),
        CfaRule::RegisterAndOffset { .. } => return None,
        CfaRule::Expression(expression) => match value(expression, frames, pc)? {
            Value { base: Base::Sp, offset } => (Kind::FromSp, offset),
            Value { base: Base::Fp, offset } => (Kind::FromFp, offset),
            Value { base: Base::AtFp, offset } => (Kind::AtFp, offset),
            Value { base: Base::None, .. } => return None,
        },
    };
    let fp = match saved(machine::FP) {
        None | Some(RegisterRule::SameValue) => None,
        Some(RegisterRule::Offset(offset)) if kind != Kind::AtFp => Some(*offset),
        Some(RegisterRule::Expression(expression)) if kind == Kind::AtFp => match value(expression, frames, pc)? {
            Value { base: Base::Fp, offset } => Some(offset),
            _ => return None,
        },
        Some(_) => return None,
    };
    Rule::new(kind, offset, ra, fp)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    None,
    Sp,
    Fp,
    /// The word at the frame pointer plus the offset.
    AtFp,
}

/// A number, or an offset from what a register holds.
#[derive(Clone, Copy)]
struct Value {
    base: Base,
    offset: i64,
}

/// The value of an expression. It handles those that the linker writes for its stubs, and those of
/// compilers for functions that align their stack.
fn value(expression: &UnwindExpression<usize>, frames: &Frames, pc: usize) -> Option<Value> {
    use gimli::constants as op;
    const FIRST_REGISTER: u8 = op::DW_OP_breg0.0;
    const LAST_REGISTER: u8 = op::DW_OP_breg31.0;
    const FIRST_NUMBER: u8 = op::DW_OP_lit0.0;
    const LAST_NUMBER: u8 = op::DW_OP_lit31.0;
    let code = expression.get(frames).ok()?.0;
    let mut code = code.slice().iter().copied();
    let mut stack = [Value { base: Base::None, offset: 0 }; 4];
    let mut depth = 0;
    while let Some(operation) = code.next() {
        let (taken, new) = match gimli::DwOp(operation) {
            gimli::DwOp(FIRST_NUMBER..=LAST_NUMBER) => {
                (0, Value { base: Base::None, offset: (operation - FIRST_NUMBER).into() })
            }
            gimli::DwOp(FIRST_REGISTER..=LAST_REGISTER) => {
                let offset = signed(&mut code)?;
                let register = Register((operation - FIRST_REGISTER).into());
                let new = match register {
                    machine::SP => Value { base: Base::Sp, offset },
                    machine::FP => Value { base: Base::Fp, offset },
                    machine::RA if !machine::HAS_LINK_REGISTER => {
                        Value { base: Base::None, offset: offset + (pc as u64).cast_signed() }
                    }
                    _ => return None,
                };
                (0, new)
            }
            op::DW_OP_deref => match stack[..depth].last()? {
                &Value { base: Base::Fp, offset } => (1, Value { base: Base::AtFp, offset }),
                _ => return None,
            },
            operator @ (op::DW_OP_plus | op::DW_OP_and | op::DW_OP_ge | op::DW_OP_shl) => {
                let [.., left, right] = stack[..depth] else { return None };
                let (base, offset) = match (operator, left.base, right.base) {
                    (op::DW_OP_plus, Base::None, base @ (Base::Sp | Base::Fp))
                    | (op::DW_OP_plus, base @ (Base::Sp | Base::Fp), Base::None) => {
                        (base, left.offset.checked_add(right.offset)?)
                    }
                    (op::DW_OP_and, Base::None, Base::None) => (Base::None, left.offset & right.offset),
                    (op::DW_OP_ge, Base::None, Base::None) => (Base::None, (left.offset >= right.offset).into()),
                    (op::DW_OP_shl, Base::None, Base::None) => {
                        (Base::None, left.offset.checked_shl(u32::try_from(right.offset).ok()?)?)
                    }
                    _ => return None,
                };
                (2, Value { base, offset })
            }
            _ => return None,
        };
        depth -= taken;
        *stack.get_mut(depth)? = new;
        depth += 1;
    }
    (depth == 1).then_some(stack[0])
}

/// Reads a signed LEB128 number.
fn signed(code: &mut impl Iterator<Item = u8>) -> Option<i64> {
    let (mut value, mut shift) = (0i64, 0);
    loop {
        let byte = code.next()?;
        if shift >= 56 {
            return None;
        }
        value |= i64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            // The sign is bit 6 of the last byte.
            return Some(if byte & 0x40 != 0 { value | -1 << shift } else { value });
        }
    }
}
