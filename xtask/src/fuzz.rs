//! `cargo xtask fuzz`: looks for inputs that break a target, guided by what they reach in the code.
//!
//! libFuzzer on the stable compiler: its instrumentation is an LLVM pass that needs no sanitizer.

use std::fs;

use crate::project::{Project, Result, run};

/// What `cargo fuzz --sanitizer none` passes as well.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";
const SECONDS: &str = "60";

/// Fuzzes one target, or lists them.
pub(crate) fn fuzz(project: &Project, args: &[String]) -> Result {
    let (target, seconds) = match args {
        [] => {
            return run(project.cargo().args(KITH_FUZZ).arg("list"));
        }
        [target] => (target, SECONDS),
        [target, flag, seconds] if flag == "--seconds" => (target, seconds.as_str()),
        _ => return Err(format!("wrong arguments\n{}", crate::USAGE)),
    };
    let home = project.target.join("fuzz");
    let (corpus, found) = (home.join("corpus").join(target), home.join("found"));
    fs::create_dir_all(&found).map_err(|error| format!("cannot make `fuzz/found`: {error}"))?;
    run(project
        .cargo()
        .args(KITH_FUZZ)
        .args(["seed", target])
        .arg(&corpus))?;
    let host = host(project)?;
    // A target directory and a named host of its own: the flags are not for build scripts.
    run(project
        .cargo()
        .args(["build", "--quiet", "--release", "--target", &host])
        .args(["--manifest-path", "fuzz/driver/Cargo.toml"])
        .env("CARGO_TARGET_DIR", &home)
        .env("RUSTFLAGS", FLAGS))?;
    let program = home.join(&host).join("release/kith-fuzz-driver");
    let prefix = format!("{}/{target}-", found.display());
    run(project
        .command(program)
        .env("KITH_FUZZ_TARGET", target)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=16384", "-timeout=5", "-rss_limit_mb=1024"])
        .args(["-print_final_stats=1", "-verbosity=1"])
        .arg(format!("-artifact_prefix={prefix}"))
        .arg(&corpus))
    .map_err(|error| {
        format!(
            "{error}\nwhat broke it is below `{prefix}…`: `cargo run -p kith-fuzz -- run {target} FILE` \
             runs it again; mend it, and keep the file in `fuzz/corpus/{target}`"
        )
    })
}

const KITH_FUZZ: [&str; 5] = ["run", "--quiet", "--package", "kith-fuzz", "--"];

/// The triple of this machine.
fn host(project: &Project) -> Result<String> {
    let about = crate::project::output(project.command("rustc").arg("-vV"))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "`rustc -vV` names no host".to_owned())
}
