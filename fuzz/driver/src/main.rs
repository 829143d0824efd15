//! One program for every target: `KITH_FUZZ_TARGET` names it, libFuzzer finds the inputs.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<&'static kith_fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("KITH_FUZZ_TARGET").unwrap_or_default();
    kith_fuzz::find(&name).expect("KITH_FUZZ_TARGET is the name of a target")
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
