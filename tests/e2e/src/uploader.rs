//! The uploader, held back and let go, so that a story decides what one invocation sees.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;

use crate::cloud::Cloud;
use crate::story::until;

const MAPPINGS: &str = "/2015-03-31/event-source-mappings/";

/// The mapping from the queue to the function.
#[derive(Clone, Debug)]
pub struct Uploader {
    cloud: Cloud,
    mapping: String,
}

impl Uploader {
    /// Finds the mapping: the only one of the stack.
    ///
    /// # Errors
    /// When there is none.
    pub async fn find(cloud: Cloud) -> Result<Self> {
        let listed = cloud.lambda(Method::GET, MAPPINGS, None).await?;
        let mapping = listed["EventSourceMappings"][0]["UUID"].as_str().context("no event source mapping")?.to_owned();
        Ok(Self { cloud, mapping })
    }

    /// Lets messages wait in the queue, until `release`. For a stack that no other story uses, whose queue is empty, so that an
    /// invocation that is under way ends soon.
    ///
    /// # Errors
    /// When Lambda is not reached.
    pub async fn hold(&self) -> Result<()> {
        self.enable(false).await?;
        until("no uploader runs", async || Ok(self.cloud.running("uploader").await? == 0)).await
    }

    /// Goes on.
    ///
    /// # Errors
    /// When Lambda is not reached.
    pub async fn release(&self) -> Result<()> {
        self.enable(true).await
    }

    async fn enable(&self, enabled: bool) -> Result<()> {
        let path = format!("{MAPPINGS}{}", self.mapping);
        self.cloud.lambda(Method::PUT, &path, Some(&json!({ "Enabled": enabled }))).await.map(drop)
    }
}
