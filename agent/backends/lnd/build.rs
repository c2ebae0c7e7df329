//! Compiles the protos with a compiler written in Rust; must never need `protoc` or the network.

use std::path::{Path, PathBuf};

const FILES: [&str; 4] =
    ["lightning.proto", "router.proto", "walletkit.proto", "stateservice.proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = Path::new("proto");
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES.map(|file| directory.join(file)), [directory])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let bytes = prost::Message::encode_to_vec(&descriptors);
    std::fs::write(out.join("descriptors.bin"), bytes)?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
