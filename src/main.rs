//! The `netsift` command.

use std::{env, panic, process::ExitCode, thread};

/// The allocator of the static program for Linux: that of its C library gives memory back, and asks for it again, with each chunk.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    silence_contained_panics();
    netsift::program(env::args_os())
}

/// A panic in a thread named `scan-…`, of a scan or a merge, is contained and becomes a defect, or else the error that ends the run:
/// the default message would only alarm.
fn silence_contained_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !thread::current().name().is_some_and(|name| name.starts_with("scan-")) {
            default(info);
        }
    }));
}
