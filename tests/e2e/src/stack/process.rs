//! The process of a stack: `infra/local/stack.py up --with-parent`, which stops everything when its input closes.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Elsewhere, Options};

/// What stands in the way of a fresh checkout.
const SET_UP: &str = "run `make test` or `make demo`, which make it";

/// A stack's process and its directory.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    directory: PathBuf,
    keeps_logs: bool,
    numbers: AtomicU32,
}

impl Process {
    pub(super) fn start(options: &Options) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(1);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory = root().join(format!("target/local/story-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let said = File::create(directory.join("stack.log"))?;
        let mut command = stack_py("up", &directory)?;
        command.arg("--with-parent").arg("--sandbox-bin").arg(sandbox_binary()?);
        command
            .arg("--bundles")
            .arg(std::env::var_os("E2E_BUNDLES").unwrap_or_else(|| root().join("target/bundles").into()));
        for (name, value) in &options.parameters {
            command.arg("--parameter").arg(format!("{name}={value}"));
        }
        if let Some(Elsewhere { api_base_url, app_id, app_secret }) = &options.elsewhere {
            command.args(["--tiktok-api-base-url", api_base_url, "--app-id", app_id, "--app-secret", app_secret]);
        }
        let child = command.stdin(Stdio::piped()).stdout(said.try_clone()?).stderr(said).spawn()?;
        let keeps_logs = std::env::var_os("E2E_KEEP_LOGS").is_some();
        Ok(Self { child, directory, keeps_logs, numbers: AtomicU32::new(1) })
    }

    /// Fails with what the process said where it has ended.
    pub(super) fn still_runs(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            bail!("{}", fs::read_to_string(self.directory.join("stack.log"))?.trim());
        }
        Ok(())
    }

    /// Runs another command of `stack.py` on the same stack, and returns what it printed.
    pub(super) async fn command(&self, name: &'static str, arguments: &[&'static str]) -> Result<String> {
        let mut command = stack_py(name, &self.directory)?;
        command.args(arguments);
        tokio::task::spawn_blocking(move || printed(&mut command)).await?
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Counts from 1.
    pub(super) fn next_number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn keep_logs(&mut self) {
        self.keeps_logs = true;
    }

    /// The functions' logs go with the cloud: whoever looks for what went wrong finds them beside the others.
    fn save_logs(&self) -> Result<()> {
        let logs = printed(&mut stack_py("logs", &self.directory)?)?;
        Ok(fs::write(self.directory.join("functions.log"), logs)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let keeps_logs = self.keeps_logs || std::thread::panicking();
        if keeps_logs {
            // What cannot be saved or said now has nobody left to be told to.
            self.save_logs().ok();
        }
        if std::thread::panicking() {
            writeln!(std::io::stderr(), "the logs are in {}", self.directory.display()).ok();
        }
        drop(self.child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                self.child.kill().ok();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if !keeps_logs {
            fs::remove_dir_all(&self.directory).ok();
        }
    }
}

fn printed(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{}", err.trim());
    Ok(out.into_owned())
}

fn stack_py(command: &str, directory: &Path) -> Result<Command> {
    let python = root().join("target/local/venv/bin/python");
    ensure!(python.exists(), "{} is missing: {SET_UP}", python.display());
    let mut started = Command::new(python);
    started.arg(root().join("infra/local/stack.py")).arg(command).arg(OsStr::new("--dir")).arg(directory);
    Ok(started)
}

/// Built beside the program that runs: `demo` in the same folder, a test in the one below.
fn sandbox_binary() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let found = program.ancestors().skip(1).take(2).map(|folder| folder.join("sandbox")).find(|path| path.is_file());
    found.with_context(|| format!("the sandbox's program is missing: {SET_UP}"))
}

fn root() -> &'static Path {
    // tests/e2e is two folders below it.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}
