//! The process of a stack: `infra/local/stack.py up --with-parent`, which stops everything when its input closes, whichever way
//! the process that holds the other end has ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Elsewhere, Options};

/// How to make what is missing in a fresh checkout.
const SET_UP: &str = "run `make test` or `make demo`, which make it";
/// The file that says that a directory's logs are to be kept.
const KEPT: &str = "kept";

/// A stack's process and its directory.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    directory: PathBuf,
    keeps_logs: AtomicBool,
}

impl Process {
    pub(super) fn start(options: &Options) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(1);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| remove_left_behind(&root().join("target/local")));
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory = root().join(format!("target/local/story-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let said = File::create(directory.join("stack.log"))?;
        let python = root().join("target/local/venv/bin/python");
        ensure!(python.exists(), "{} is missing: {SET_UP}", python.display());
        let mut command = Command::new(python);
        command.arg(root().join("infra/local/stack.py")).arg("up").arg("--dir").arg(&directory);
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
        let keeps_logs = AtomicBool::new(std::env::var_os("E2E_KEEP_LOGS").is_some());
        Ok(Self { child, directory, keeps_logs })
    }

    /// Fails with what the process said where it has ended.
    pub(super) fn still_runs(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            bail!("{}", fs::read_to_string(self.directory.join("stack.log"))?.trim());
        }
        Ok(())
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Leaves the directory with the logs where it is when the stack ends, and the functions' logs, which end with it, in a file.
    pub(super) fn keep_logs(&self, of_functions: &str) {
        self.keeps_logs.store(true, Ordering::Relaxed);
        // What cannot be written has nobody left to be told to: the story's own failure matters more.
        fs::write(self.directory.join("functions.log"), of_functions).ok();
        fs::write(self.directory.join(KEPT), "").ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + Duration::from_mins(1);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                self.child.kill().ok();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if !self.keeps_logs.load(Ordering::Relaxed) {
            fs::remove_dir_all(&self.directory).ok();
        }
    }
}

/// Removes the directories of stacks whose process was gone before it could: killed, or ended without stopping them.
fn remove_left_behind(local: &Path) {
    for entry in fs::read_dir(local).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("story-")?.split('-').next());
        let is_gone = process.is_some_and(|process| !Path::new("/proc").join(process).exists());
        // Without /proc nobody can tell, and they stay.
        if is_gone && Path::new("/proc/self").exists() && !entry.path().join(KEPT).exists() {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
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
