//! `metes pages DIR`: the manual pages of this command, as `make install` has them made.

use crate::failure::{Done, Failure};
use crate::output;
use clap_mangen::Man;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the manual pages metes(1), metes-run(1) and so on into a directory.
#[derive(clap::Args)]
pub struct Args {
    /// The directory, which must be there.
    directory: PathBuf,
}

/// Writes a page for the command and one for each verb.
pub fn run(args: &Args, mut command: clap::Command) -> Done {
    command = command.disable_help_subcommand(true);
    command.build();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = format!("metes-{}", verb.get_name());
        let page =
            verb.clone().display_name(&name).bin_name(name.replacen('-', " ", 1)).version(env!("CARGO_PKG_VERSION"));
        write(page, &name, &args.directory)?;
    }
    write(command, "metes", &args.directory)?;
    Ok(ExitCode::SUCCESS)
}

fn write(command: clap::Command, name: &str, directory: &Path) -> Result<(), Failure> {
    let mut text = Vec::new();
    let path = directory.join(format!("{name}.1"));
    let page =
        Man::new(command).title(name.to_uppercase()).section("1").source("metes").manual("General Commands Manual");
    page.render(&mut text).map_err(|error| Failure::of_system(path.display(), &error))?;
    // Pages have no date: the same source makes the same pages. An empty one has to be said.
    let text = String::from_utf8_lossy(&text).replacen(" 1  metes ", " 1 \"\" metes ", 1);
    output::write_file(&path, text.as_bytes())
}
