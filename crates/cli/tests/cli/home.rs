//! A folder of its own for each test, in which the binary runs.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

/// Where a test's commands run.
pub(crate) struct Home {
    folder: TempDir,
    env: Vec<(String, String)>,
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    /// With nothing set: the store is `./kith-data`.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            env: Vec::new(),
        }
    }

    /// The same with a variable set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with its folders.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs `kith` with the words of a line; quotes hold words together.
    pub(crate) fn run(&self, line: &str) -> Said {
        Said::from(self.command(line).output().unwrap())
    }

    /// The same with one more variable set.
    pub(crate) fn run_with(&self, name: &str, value: &str, line: &str) -> Said {
        Said::from(self.command(line).env(name, value).output().unwrap())
    }

    /// Runs what must succeed, and gives what it printed.
    pub(crate) fn ok(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, 0, "kith {line}\n{}{}", said.out, said.err);
        said.out
    }

    /// Runs what must succeed with `--json`.
    pub(crate) fn json(&self, line: &str) -> Json {
        serde_json::from_str(&self.ok(&format!("{line} --json"))).unwrap()
    }

    /// Runs what must fail with this code, and gives what it complained of.
    pub(crate) fn fails(&self, code: i32, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, code, "kith {line}\n{}{}", said.out, said.err);
        said.err
    }

    /// Starts what goes on until it is ended.
    pub(crate) fn start(&self, line: &str) -> Running {
        let mut child = self
            .command(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Running { child, out }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let read = text.starts_with("KITH_") || text.starts_with("OTEL_");
            if read || name == "COLUMNS" || name == "NO_COLOR" || name == "CLICOLOR_FORCE" {
                command.env_remove(name);
            }
        }
        command
            .args(words(line))
            .current_dir(self.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }
}

fn words(line: &str) -> Vec<String> {
    let quoted = line.split('\'').enumerate();
    quoted
        .flat_map(|(index, part)| -> Vec<String> {
            if index % 2 == 1 {
                vec![part.to_owned()]
            } else {
                part.split_whitespace().map(str::to_owned).collect()
            }
        })
        .collect()
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A command that goes on; ended with its test.
pub(crate) struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// The first line for which this holds; all lines up to it are read.
    pub(crate) fn lines_until(&mut self, found: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).unwrap() == 0 {
                let mut err = String::new();
                let _ = self.child.stderr.take().unwrap().read_to_string(&mut err);
                panic!(
                    "it ended before that line came:\n{}\n{err}",
                    lines.join("\n")
                );
            }
            let line = line.trim_end().to_owned();
            let last = found(&line);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Sends a signal, and waits for the end.
    pub(crate) fn end(mut self, signal: &str) -> Said {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut err).unwrap();
        let code = self.child.wait().unwrap().code();
        Said {
            code: code.unwrap_or(-1),
            out,
            err,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text with ids, secrets and times replaced by others of the same length, so that it is the
/// same in every run.
pub(crate) fn masked(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        if let Some(length) = time_at(rest) {
            let (time, after) = rest.split_at(length);
            shown.extend(
                time.chars()
                    .map(|c| if c.is_ascii_digit() { '0' } else { c }),
            );
            rest = after;
        } else if word > 0 {
            let (word, after) = rest.split_at(word);
            let random = word.len() >= 20 && word.bytes().any(|b| b.is_ascii_digit());
            shown.push_str(&if random {
                "x".repeat(word.len())
            } else {
                word.to_owned()
            });
            rest = after;
        } else {
            shown.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    shown
}

/// The length of `2026-01-31 12:00`, or with seconds, at the start.
fn time_at(text: &str) -> Option<usize> {
    let fits = |pattern: &str| {
        let start = text.get(..pattern.len())?;
        let same = start
            .bytes()
            .zip(pattern.bytes())
            .all(|(found, wanted)| match wanted {
                b'0' => found.is_ascii_digit(),
                other => found == other,
            });
        same.then_some(pattern.len())
    };
    fits("0000-00-00 00:00:00").or_else(|| fits("0000-00-00 00:00"))
}
