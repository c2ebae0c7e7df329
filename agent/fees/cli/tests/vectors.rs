//! Every public vector passes, by the command that anyone can run.
//!
//! It must never skip a case.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

fn command(args: &[&str]) -> (u8, String, String) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = debal_fees_cli::run(&args, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn every_public_vector_passes() {
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors");
    let (code, out, err) = command(&["vectors", vectors]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.ends_with("\n199 passed, 0 failed\n"), "{out}");
}
