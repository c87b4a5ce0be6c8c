//! `metes options [PID]`: the table of the library's options, and which are in force in a process.

use crate::failure::{Done, Failure};
use crate::heap::options;
use crate::heap::source::Source;
use crate::output;
use crate::process::{Process, maps};
use crate::settings::{self, Setting};
use metes::internals::option_keys::{self, InForce};
use serde::Serialize;
use std::fmt::Write;

const AFTER: &str = "\
An option is a word of METES_OPTIONS, as in METES_OPTIONS=checks=full,stats=exit, or of `metes run -o`. The manual page \
metes-options(7) says what each does.

Of a process the values in force are shown, and where each is from: the environment that the process was started with, or \
the process itself, by mallopt(3) or metes_option_set.";

/// The options of the library: what each takes, its default, and what is in force in a process.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The number of a process.
    pid: Option<u32>,
    /// As JSON: a list of objects with name, takes and default; of a process also value and from.
    #[arg(long)]
    json: bool,
}

/// An option in a process.
#[derive(Serialize)]
struct Value {
    #[serde(flatten)]
    setting: Setting,
    value: String,
    from: String,
}

/// Prints the table.
pub fn run(args: &Args) -> Done {
    let all = settings::all();
    match args.pid {
        Some(pid) => {
            let values = of_process(pid, all)?;
            if args.json { output::print_json(&values) } else { output::print(table_of_process(&values)) }
        }
        None if args.json => output::print_json(&all),
        None => output::print(table(&all)),
    }
}

fn width<T>(all: &[T], of: impl Fn(&T) -> usize) -> usize {
    all.iter().map(of).max().unwrap_or(0)
}

fn table(all: &[Setting]) -> String {
    let (names, defaults) = (width(all, |one| one.name.len()), width(all, |one| one.default.len()));
    let mut text = format!("{:names$}  {:defaults$}  takes\n", "option", "default");
    for Setting { name, takes, default } in all {
        // Writing to a string never fails.
        let _ = writeln!(text, "{name:names$}  {:defaults$}  {takes}", or_none(default));
    }
    text
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn table_of_process(all: &[Value]) -> String {
    let names = width(all, |one| one.setting.name.len());
    let (values, defaults) =
        (width(all, |one| or_none(&one.value).len()), width(all, |one| or_none(&one.setting.default).len()));
    let mut text = format!("{:names$}  {:values$}  {:defaults$}  from\n", "option", "in force", "default");
    for Value { setting, value, from } in all {
        let (name, default, value) = (setting.name, or_none(&setting.default), or_none(value));
        let _ = writeln!(text, "{name:names$}  {value:values$}  {default:defaults$}  {from}");
    }
    text
}

fn of_process(pid: u32, all: Vec<Setting>) -> Result<Vec<Value>, Failure> {
    let process = Process::open(pid)?;
    let source = Source::find(&process, &maps::parse(&process.file("maps")?))?;
    let in_force = options::read(&source).ok_or_else(|| {
        let why = "its library has other options than this tool knows, or does not say which are in force: use the tool of \
                   that version";
        Failure::about(pid, why)
    })?;
    let fixed = source.bytes(source.channel.cutoff_fixed.get() as u64, 1).is_some_and(|byte| byte[0] != 0);
    let environment = environment(&process)?;
    let is_checked = options::are_blocks_checked(&in_force);
    let mut values = Vec::new();
    let mut settings = all.into_iter();
    option_keys::each_in_force(&in_force, &mut |option| {
        let Some(setting) = settings.next().filter(|setting| setting.name != "help") else { return };
        let mut value = option.value.to_owned();
        let from = match option.name {
            "fill" if option.is_default => {
                value = if is_checked { "junk" } else { "off" }.into();
                "the default".into()
            }
            "abort" if !["yes", "no"].contains(&option.value) => {
                value = "ignore".into();
                "checks=off: nothing is reported".into()
            }
            "cutoff" if !option.is_default && !fixed => "the process: it follows what is freed".into(),
            "guard" if !option.is_default && is_checked && value_in(&environment, option).is_none() => {
                "that blocks are checked".into()
            }
            _ => from(option, value_in(&environment, option)),
        };
        values.push(Value { setting, value, from });
    });
    Ok(values)
}

/// Where a value is from. `asked` is what the environment has, and whether that is in force.
fn from(option: &InForce<'_>, asked: Option<(&str, bool)>) -> String {
    match asked {
        Some((_, true)) => "the environment".into(),
        Some((text, false)) if option.is_changeable => format!("the process, later (the environment has {text})"),
        Some((text, false)) => format!("other options (the environment has {text})"),
        None if option.is_default => "the default".into(),
        None if option.is_changeable => "the process, later".into(),
        None => "its start".into(),
    }
}

/// The last value that the environment has of an option, bad ones left out, and whether it is in force.
fn value_in<'a>(environment: &'a str, option: &InForce<'_>) -> Option<(&'a str, bool)> {
    let pairs = environment.split(',').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.rev().filter(|(name, _)| *name == option.name).map(|(_, value)| value);
    values.find_map(|value| Some((value, option.is(value)?)))
}

/// METES_OPTIONS, as the process was started with it.
fn environment(process: &Process) -> Result<String, Failure> {
    let all = process.file("environ")?;
    let found = all.split('\0').find_map(|word| word.strip_prefix("METES_OPTIONS="));
    Ok(found.unwrap_or_default().to_owned())
}
