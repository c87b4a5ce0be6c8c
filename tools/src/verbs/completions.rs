//! `metes completions SHELL`: what a shell has to know to complete this command's words.

use crate::failure::Done;
use crate::output;
use clap_complete::Shell;

const AFTER: &str = "\
  metes completions bash > ~/.local/share/bash-completion/completions/metes
  metes completions zsh > ~/.zfunc/_metes
  metes completions fish > ~/.config/fish/completions/metes.fish";

/// Prints completions for a shell.
#[derive(clap::Args)]
#[command(after_long_help = AFTER)]
pub struct Args {
    /// The shell.
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

/// Prints them, for the command that is given.
pub fn run(args: &Args, mut command: clap::Command) -> Done {
    let shell = match args.shell.as_str() {
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "metes", &mut text);
    output::print(text)
}
