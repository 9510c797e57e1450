//! Compiles the `.proto` files with a compiler written in Rust, so that no `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=portcullis");
    let files = [
        "portcullis/config/v1/enrolment.proto",
        "portcullis/config/v1/snapshot.proto",
        "portcullis/config/v1/stream.proto",
    ];
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure()
        // Written by hand, without the secrets.
        .skip_debug([
            ".portcullis.config.v1.BlobChunk",
            ".portcullis.config.v1.JoinRequest",
            ".portcullis.config.v1.TicketKey",
        ])
        .compile_fds(descriptors)?;
    Ok(())
}
