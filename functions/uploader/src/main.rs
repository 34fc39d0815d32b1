//! The uploader's binary.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    uploader::run().await
}
