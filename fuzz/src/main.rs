//! Targets by hand: lists them, writes their first inputs, runs one on a file.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its user"
)]

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["list"] => {
            for target in kith_fuzz::TARGETS {
                println!("{:<13}{}", target.name, target.about);
            }
            Ok(())
        }
        ["seed", name, folder] => seed(name, Path::new(folder)),
        ["run", name, file] => match kith_fuzz::find(name) {
            Some(target) => fs::read(file).map(|bytes| (target.run)(&bytes)),
            None => Err(io::Error::other("no such target")),
        },
        _ => Err(io::Error::other(
            "list | seed TARGET FOLDER | run TARGET FILE",
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kith-fuzz: {error}");
            ExitCode::FAILURE
        }
    }
}

fn seed(name: &str, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in kith_fuzz::seeds(name)?.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), seed)?;
    }
    Ok(())
}
