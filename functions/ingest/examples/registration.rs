//! Prints the registration as JSON, to be sent to mParticle. It reads the same settings as the function, with their defaults.

use std::io::Write;

use firehose::Response;
use ingest::RegistrationConfig;

fn main() -> anyhow::Result<()> {
    let registration = ingest::registration(&RegistrationConfig::from_env()?);
    let id = "00000000-0000-4000-8000-000000000000";
    let response: serde_json::Value = serde_json::from_str(&Response::Registration(&registration).to_json(id)?)?;
    writeln!(std::io::stdout(), "{response:#}")?;
    Ok(())
}
