//! Functions deployed anew by Lambda's own API, as a deployment does: other settings, a new version, and the alias moved to it.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};

use super::number;
use crate::chaos::world::World;

/// How much memory is added and taken away again: another setting makes another instance.
const MEMORY: u64 = 64;

/// Deploys a function with other settings.
pub(super) async fn redeploy(world: &World<'_>, function: &str) -> Result<()> {
    let memory = number(&configuration(world, function).await?, "MemorySize")?;
    let other = if memory.is_multiple_of(2 * MEMORY) { memory + MEMORY } else { memory - MEMORY };
    change(world, function, &json!({ "MemorySize": other })).await
}

/// Gives a function this time-out. Returns the one that it had.
pub(super) async fn set_timeout(world: &World<'_>, function: &str, seconds: u64) -> Result<u64> {
    let before = number(&configuration(world, function).await?, "Timeout")?;
    change(world, function, &json!({ "Timeout": seconds })).await?;
    Ok(before)
}

fn path(world: &World<'_>, function: &str, rest: &str) -> String {
    format!("/2015-03-31/functions/{}-{function}/{rest}", world.stack.at.stack_name)
}

async fn configuration(world: &World<'_>, function: &str) -> Result<Value> {
    world.stack.cloud.lambda(Method::GET, &path(world, function, "configuration"), None).await
}

async fn change(world: &World<'_>, function: &str, settings: &Value) -> Result<()> {
    let cloud = &world.stack.cloud;
    cloud.lambda(Method::PUT, &path(world, function, "configuration"), Some(settings)).await?;
    // The uploader's event source names no version.
    if function != "uploader" {
        let published = cloud.lambda(Method::POST, &path(world, function, "versions"), Some(&json!({}))).await?;
        let alias = json!({ "FunctionVersion": published["Version"] });
        cloud.lambda(Method::PUT, &path(world, function, "aliases/live"), Some(&alias)).await?;
    }
    Ok(())
}
