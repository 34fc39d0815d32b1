//! The binary: the line that it prints, and how it ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use sandbox::control::Control;

#[tokio::test]
async fn it_says_where_it_listens_and_ends_when_it_is_told_to() -> Result<()> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandbox"))
        .args(["--port", "0", "--app-id", "7300000000000000009", "--app-secret", "s"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(program.stdout.take().context("no stdout")?).read_line(&mut line)?;
    let base_url = line.trim().strip_prefix("sandbox listening on ").context("another line")?;
    let control = Control::new(base_url)?;
    control.health().await?;
    assert_eq!(control.rules().await?.app_id, "7300000000000000009");
    assert!(Command::new("kill").args(["-TERM", &program.id().to_string()]).status()?.success());
    assert!(program.wait()?.success());
    Ok(())
}
