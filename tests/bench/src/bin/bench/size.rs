//! The sizes of the functions' archives, made by the deployment's own code.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench::lambda::binary;
use bench::table::Table;

use crate::{FUNCTIONS, compared};

/// The most MB of an archive.
const AIM: f64 = 4.0;
/// Python that prints how many bytes the archive of a program has.
const ZIPPED: &str = "import pathlib, sys; sys.path.insert(0, sys.argv[1]); import release; \
                      print(len(release.zipped(pathlib.Path(sys.argv[2]).read_bytes())))";

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/deploy");
    for name in FUNCTIONS {
        let output = Command::new("python3").args(["-c", ZIPPED]).arg(&deploy).arg(binary(name)?).output();
        let output = output.context("python3 does not start")?;
        ensure!(output.status.success(), "{name} cannot be archived: {}", String::from_utf8_lossy(&output.stderr));
        let bytes: u32 = String::from_utf8(output.stdout)?.trim().parse()?;
        compared(table, format!("archive, {name}"), f64::from(bytes) / 1e6, "MB", AIM);
    }
    Ok(())
}
